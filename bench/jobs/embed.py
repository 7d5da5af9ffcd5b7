"""The job kind `embed`: every image through one backbone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

import classifiers
from bench.config import RunConfig
from bench.engine.context import Context
from bench.engine.estimate import seconds_per_item
from bench.engine.job import Job
from bench.jobs.train import FORWARD_SHARE, TrainJob
from bench.jobs.words import by_content, weights_hash, weights_name
from features import backbones
from features.errors import InputError
from results.feature_set import FeatureSet

if TYPE_CHECKING:
    from bench.engine.embedder import Embedded
    from features.extract.cached import CachedExtractor

#: Images that an estimate is measured on.
_TIMED = 9
_TYPICAL_DIM = 512


@dataclass(frozen=True, kw_only=True)
class EmbedJob(Job):
    """Embed every image with one backbone.

    Parameters
    ----------
    backbone : str
        Name of a backbone, or of a network that this run trains.
    weights : str
        `imagenet`, `random`, a file, or `fine-tuned`.
    weights_hash : str
        Hash of the file, so that another file under the same name is another job.
    size : int or (int, int)
        Side, or height and width, that images are resized to, pixels.
    preprocess : str
    precision : {"bfloat16", "float16", "float32"}
        Precision that the network computes in.
    storage : {"float32", "float16"}
        Precision that embeddings are stored in.
    network : TrainJob, optional
        The training that the backbone comes from.
    """

    backbone: str
    weights: str
    size: int | tuple[int, int] = 224
    preprocess: str = "none"
    precision: str = "bfloat16"
    storage: str = "float32"
    network: TrainJob | None = None
    weights_hash: str = ""

    def identity(self) -> dict[str, Any]:
        """Return what the id depends on."""
        return by_content(super().identity())

    @property
    def title(self) -> str:
        """Backbone and weights."""
        return f"embed with {self.backbone}, {weights_name(self.weights)} weights"

    @property
    def slug(self) -> str:
        """Backbone and weights."""
        return f"{self.backbone}-{weights_name(self.weights)}"

    @property
    def features(self) -> FeatureSet:
        """Name of the embeddings in tables."""
        return FeatureSet(self.backbone, weights_name(self.weights), self.preprocess)

    def check(self, context: Context) -> None:
        """Raise `InputError` when the weights of the backbone cannot be had."""
        if self.network is None:
            context.check_weights(self.backbone, self.weights)

    def seconds(self, context: Context) -> float:
        """Estimate the duration from two batches of the run's images."""
        from classifiers.cnn.training.batches import to_tensor
        from features.pixels.images import read_image

        paths = context.images["path"].tolist()
        if self.network is not None:
            return len(paths) * self.network.seconds_per_image(context) * FORWARD_SHARE
        cached = extractor_of(self, context)
        if cached.collection().rows >= len(paths):
            return 1.0
        extractor = cached.extractor
        forward = extractor.forward(1)
        one = to_tensor(read_image(paths[0])[None])

        def embed(count: int) -> None:
            for path in paths[:count]:
                read_image(path)
            forward(one.expand(count, *one.shape[1:]))

        return len(paths) * seconds_per_item(embed, 1, _TIMED)

    def run(self, context: Context) -> None:
        """Embed the images into the store, in one decode pass with the other networks of the run."""
        from bench.engine.divide import look_at_embeddings
        from results.embeddings.facts import embedding_facts

        embedded = _last(self, context, _companions(self, context))
        share = float("nan")
        # A network that this run has trained brings the training images of a class together.
        if self.network is None:
            name = self.title.removeprefix("embed with ")
            share = look_at_embeddings(context.images, embedded.matrix, name)
        facts = {**self.features.columns(), **embedding_facts(embedded.matrix), "near_share": share}
        context.folder.write_frame(context.folder.embedding_facts_path(self.id), pd.DataFrame([facts]))


def frozen_embeddings(config: RunConfig) -> Iterator[EmbedJob]:
    """Yield the jobs that embed with pretrained or random networks, not trained by this run."""
    features = config.features
    for preprocess in config.preprocess:
        for backbone in features.backbones:
            shared = features.weights_of.get(backbones.architecture_of(backbone), features.weights)
            for weights in features.weights_of.get(backbone, shared):
                yield EmbedJob(
                    seed=config.seed,
                    backbone=backbone,
                    weights=weights,
                    weights_hash=weights_hash(weights),
                    size=features.side,
                    preprocess=preprocess,
                    precision=features.precision,
                    storage=features.storage,
                )


def embeddings_of(job: EmbedJob, context: Context) -> Embedded:
    """Return a job's embeddings of all images; the last set asked for stays in memory.

    Nothing is loaded or downloaded for the other networks of the run.
    """
    return _last(job, context, [])


def _last(job: EmbedJob, context: Context, companions: list[CachedExtractor]) -> Embedded:
    def embed() -> Embedded:
        return context.embedder.embed(job.title, extractor_of(job, context), companions)

    return context.embedder.last(job.id, embed)


def dim_of(job: EmbedJob, context: Context) -> int:
    """Return the length of one embedding, without embedding anything.

    Raises
    ------
    InputError
        When the weights of the backbone cannot be had.
    """
    job.check(context)
    if job.network is None:
        return backbones.info(job.backbone).dim
    architecture = classifiers.get_spec(job.network.model).settings.get("architecture")
    return backbones.info(architecture).dim if architecture in backbones.names() else _TYPICAL_DIM


def extractor_of(job: EmbedJob, context: Context) -> CachedExtractor:
    """Return what embeds images as `job` does."""
    embedder = context.embedder
    if job.network is None:
        backbone = embedder.backbone(job.backbone, job.weights)
    else:
        backbone = embedder.trained_backbone(context.folder.model_path(job.network.id), job.backbone)
    return embedder.extractor(
        backbone,
        size=job.size,
        preprocess=job.preprocess,
        precision=job.precision,
        storage=job.storage,
    )


def _companions(job: EmbedJob, context: Context) -> list[CachedExtractor]:
    """Return what else embeds the same pixels in this run, so that one decode pass serves all."""
    found = []
    for other in frozen_embeddings(context.config) if job.network is None else ():
        if other.preprocess == job.preprocess and other != job:
            # A fault of another network is reported by its own job.
            with contextlib.suppress(InputError):
                found.append(extractor_of(other, context))
    return found

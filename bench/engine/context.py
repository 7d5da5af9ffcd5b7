"""What the jobs of a run share: its images, its folder, the embedding store."""

import contextlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from bench.config import RunConfig
from bench.console import task, warn
from bench.engine.cost import BATCHES, Cost, cost_of_backbone
from bench.jobs import EmbedJob, frozen_embeddings
from bench.run_folder import RunFolder
from classifiers.cnn.training.batches import to_tensor
from classifiers.saving import load_classifier
from features.backbones.registry import Backbone, load_backbone
from features.errors import InputError, WeightsUnavailable
from features.extract.cached import CachedExtractor, transform_together
from features.extract.extractor import Extractor
from features.extract.novelty import SIDE, patch_novelty
from features.pixels.arrays import load_images
from features.pixels.images import read_image
from features.store.store import EmbeddingStore


@dataclass(frozen=True, eq=False)
class Embedded:
    """One set of embeddings.

    Parameters
    ----------
    matrix : float32 array, shape (n_images, dim)
    microseconds : float
        What the network took for an image.
    weights_sha256 : str
        Hash of the network's weights.
    cost : Cost
        Of the network.
    """

    matrix: np.ndarray
    microseconds: float
    weights_sha256: str
    cost: Cost


@dataclass
class Context:
    """What jobs share.

    Parameters
    ----------
    config : RunConfig
    folder : RunFolder
    images : DataFrame
        The run's split.
    store : EmbeddingStore
    """

    config: RunConfig
    folder: RunFolder
    images: pd.DataFrame
    store: EmbeddingStore
    _embeddings: dict[str, Embedded] = field(default_factory=dict)
    _backbones: dict[tuple[str, str], Backbone | WeightsUnavailable] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """3 when any image has colour, else 1."""
        return int(self.images["channels"].max())

    def rows(self, split: str) -> np.ndarray:
        """Positions of the images of one split."""
        return np.flatnonzero((self.images["split"] == split).to_numpy())

    @property
    def y(self) -> np.ndarray:
        """1 where an image shows a defect."""
        return self.images["y"].to_numpy(int)

    def common_size(self) -> tuple[int, int]:
        """Return the one (height, width) of all images; `InputError` when they differ."""
        sizes = set(zip(self.images["height"], self.images["width"], strict=True))
        if len(sizes) > 1:
            raise InputError(f"images of {len(sizes)} sizes: give the network a size, such as 224")
        height, width = sizes.pop()
        return int(height), int(width)

    @cached_property
    def novelty(self) -> np.ndarray:
        """How unlike the images labelled good each image is; see `features.extract.novelty.patch_novelty`."""
        spill = self.folder.path / "cache" / "novelty.npy"
        with task("look for what is unusual: read images", len(self.images)) as update:
            pixels = load_images(
                self.images["path"].tolist(), size=SIDE, channels=self.channels, spill=spill, progress=update
            )
        with task("look for what is unusual: compare patches", len(self.images)) as update:
            found = patch_novelty(
                pixels, self.y == 0, device=self.config.device, seed=self.config.seed, progress=update
            )
        spill.unlink(missing_ok=True)
        return found

    def backbone(self, name: str, weights: str) -> Backbone:
        """Load a backbone once; weights that could not be reached are not asked for again."""
        key = (name, weights)
        if key not in self._backbones:
            try:
                self._backbones[key] = load_backbone(name, weights, seed=self.config.seed)
            except WeightsUnavailable as error:
                self._backbones[key] = error
        found = self._backbones[key]
        if isinstance(found, WeightsUnavailable):
            raise found
        return found

    def embeddings(self, job: EmbedJob) -> Embedded:
        """Return a job's embeddings of all images; the last set asked for stays in memory."""
        if job.id not in self._embeddings:
            self._embeddings.clear()
            self._embeddings[job.id] = self._extract(job)
        return self._embeddings[job.id]

    def extractor(self, job: EmbedJob) -> CachedExtractor:
        """Return what embeds images the way `job` does."""
        if job.network is None:
            backbone = self.backbone(job.backbone, job.weights)
        else:
            trained = load_classifier(self.folder.model_path(job.network), device=self.config.device)
            backbone = trained.as_backbone(job.backbone)
        extractor = Extractor(
            backbone,
            size=job.size,
            preprocess=job.preprocess,
            precision=job.precision,
            device=self.config.device,
            batch_size=self.config.features.batch_size,
            compile=self.config.features.compile,
        )
        return CachedExtractor(extractor, self.store, job.storage)

    def _companions(self, job: EmbedJob) -> list[CachedExtractor]:
        """Return what else embeds the same pixels in this run, so that one decode pass serves all."""
        found = []
        for other in frozen_embeddings(self.config) if job.network is None else ():
            if other.preprocess == job.preprocess and other != job:
                # What is wrong with another network is for its own job to tell.
                with contextlib.suppress(InputError):
                    found.append(self.extractor(other))
        return found

    def _extract(self, job: EmbedJob) -> Embedded:
        cached, images = self.extractor(job), self.images
        with task(job.title, len(images)) as update:
            matrix = transform_together(
                [cached, *self._companions(job)],
                images["path"].tolist(),
                image_ids=images["image_id"].tolist(),
                labels=images["label"].tolist(),
                progress=update,
                warn=warn,
            )[0]
        return Embedded(
            matrix.astype(np.float32, copy=False),
            cached.collection().microseconds_per_image,
            cached.key.weights_sha256,
            self._cost(cached.extractor),
        )

    def _cost(self, extractor: Extractor) -> Cost:
        """Measure the network on a few of the run's images."""
        # Of one size, so that they make one batch.
        sizes = self.images[["height", "width", "channels"]]
        alike = self.images[(sizes == sizes.iloc[0]).all(axis=1)]
        paths = (alike["path"].tolist() * BATCHES[-1])[: BATCHES[-1]]
        size = extractor.size if isinstance(extractor.size, tuple) else (extractor.size, extractor.size)
        pixels = np.stack([read_image(path) for path in paths])
        forward = extractor.forward(len(pixels))
        return cost_of_backbone(extractor.load(), lambda X: forward(to_tensor(X)), pixels, size)

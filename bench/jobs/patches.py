"""The job kind `patches`: a detector that compares patches of images with those of good images."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import classifiers
from bench.config import RunConfig
from bench.console import task
from bench.engine.context import Context
from bench.engine.estimate import machine_factor
from bench.engine.job import Job
from bench.jobs.embed import EmbedJob
from bench.jobs.words import by_content, row_of, weights_name
from features import backbones
from features.pixels.sizes import height_and_width
from results.feature_set import FeatureSet
from results.predictions import SPLITS

#: Seconds per image and megapixel to embed patches and look them up, on two cores; ResNet-18.
_SECONDS = 2.5


@dataclass(frozen=True, kw_only=True)
class PatchesJob(Job):
    """Fit a patch memory on the good training images and score the valid and test images.

    Parameters
    ----------
    model : str
        Name in the registry of classifiers, of the kind `patches`.
    backbone, weights, weights_hash, size, preprocess, precision
        As in `EmbedJob`.
    """

    model: str
    backbone: str
    weights: str
    size: int | tuple[int, int] = 224
    preprocess: str = "none"
    precision: str = "bfloat16"
    weights_hash: str = ""

    def identity(self) -> dict[str, Any]:
        """Return what the id depends on."""
        return by_content(super().identity())

    @classmethod
    def plan(cls, config: RunConfig, planned: Sequence[Job]) -> Iterable[Self]:
        """Return one job for each patch model and each frozen backbone of the run."""
        models = [name for name in config.classical.models if classifiers.get_spec(name).kind == "patches"]
        for embed in planned:
            if isinstance(embed, EmbedJob) and embed.network is None:
                for model in models:
                    yield cls(
                        seed=config.seed,
                        model=model,
                        backbone=embed.backbone,
                        weights=embed.weights,
                        weights_hash=embed.weights_hash,
                        size=embed.size,
                        preprocess=embed.preprocess,
                        precision=embed.precision,
                    )

    @property
    def title(self) -> str:
        """Model, backbone and weights."""
        name = classifiers.get_spec(self.model).title
        return f"fit {name} on patches of {self.backbone}, {weights_name(self.weights)} weights"

    @property
    def slug(self) -> str:
        """Model, backbone and weights."""
        return f"{self.model}-{self.backbone}-{weights_name(self.weights)}"

    def row(self, context: Context) -> dict[str, Any]:
        """Return the key columns of the model's leaderboard row."""
        features = FeatureSet(self.backbone, weights_name(self.weights), self.preprocess)
        return row_of(classifiers.get_spec(self.model).title, features, "all", context.config)

    def check(self, context: Context) -> None:
        """Raise `NotRunnable` when the backbone has no patch layers or its weights cannot be had."""
        backbones.check_patches(self.backbone)
        context.check_weights(self.backbone, self.weights)

    def seconds(self, context: Context) -> float:
        """Estimate the duration: proportional to the images that are scored and their pixels."""
        height, width = height_and_width(self.size)
        images = len(context.images) + 2 * len(context.rows("valid"))
        return machine_factor(context) * images * _SECONDS * height * width / 1e6

    def run(self, context: Context) -> None:
        """Fit the patch memory, then save it and its predictions."""
        from bench.engine.finish import Fitted, finish
        from bench.engine.pixels import run_pixels

        model = classifiers.make_classifier(
            self.model,
            backbone=self.backbone,
            weights=self.weights,
            size=self.size,
            precision=self.precision,
            device=context.config.device,
            random_state=self.seed,
        )
        title, train = f"reading images for {self.model}", context.rows("train")
        with run_pixels(context, self.id, self.size, preprocess=self.preprocess, title=title) as pixels:
            started = time.perf_counter()
            with task(self.title, int((context.y[train] == 0).sum())) as update:
                model.fit(pixels[train], context.y[train], progress=update)
            seconds = time.perf_counter() - started
            X = {split: pixels[context.rows(split)] for split in SPLITS}
            params = {name: model.get_params()[name] for name in ("share", "max_patches", "reweight")}
            finish(self, context, Fitted(self.model, model, X, seconds, params, model.weights_sha256_))

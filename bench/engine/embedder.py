"""Embeds the images of a run; backbones are loaded once, the last embeddings stay in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.config import RunConfig
from bench.console import task, warn
from bench.engine.cost import BATCHES, Cost, cost_of_backbone
from classifiers.cnn.training.batches import to_tensor
from classifiers.saving import load_classifier
from features.backbones import Backbone, load_backbone
from features.errors import WeightsUnavailable
from features.extract.cached import CachedExtractor, transform_together
from features.extract.extractor import Extractor
from features.pixels.images import read_image
from features.pixels.sizes import height_and_width
from features.store import EmbeddingStore


@dataclass(frozen=True, eq=False)
class Embedded:
    """One set of embeddings.

    Parameters
    ----------
    matrix : float32 array, shape (n_images, dim)
    microseconds : float
        Time of the network per image.
    weights_sha256 : str
        Hash of the network's weights.
    cost : Cost
        Of the network.
    """

    matrix: np.ndarray
    microseconds: float
    weights_sha256: str
    cost: Cost


class Embedder:
    """Embeds the images of one run.

    Parameters
    ----------
    config : RunConfig
    images : DataFrame
        The run's split, one row per image.
    store : EmbeddingStore
        Where embeddings are cached.
    """

    def __init__(self, config: RunConfig, images: pd.DataFrame, store: EmbeddingStore):
        self.config, self.images, self.store = config, images, store
        self._backbones: dict[tuple[str, str], Backbone | WeightsUnavailable] = {}
        self._last: tuple[str, Embedded] | None = None

    def backbone(self, name: str, weights: str) -> Backbone:
        """Load a backbone once; weights that could not be reached are not tried again."""
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

    def trained_backbone(self, model: Path, name: str) -> Backbone:
        """Return the body of a network that this run has trained and saved in the folder `model`."""
        return load_classifier(model, device=self.config.device).as_backbone(name)

    def extractor(
        self,
        backbone: Backbone,
        *,
        size: int | tuple[int, int],
        preprocess: str,
        precision: str,
        storage: str,
    ) -> CachedExtractor:
        """Return an extractor that reads from and writes to the embedding store."""
        extractor = Extractor(
            backbone,
            size=size,
            preprocess=preprocess,
            precision=precision,
            device=self.config.device,
            batch_size=self.config.features.batch_size,
            compile=self.config.features.compile,
        )
        return CachedExtractor(extractor, self.store, storage)

    def last(self, name: str, make: Callable[[], Embedded]) -> Embedded:
        """Return the embeddings called `name`; only the last set asked for stays in memory."""
        if self._last is None or self._last[0] != name:
            self._last = None
            self._last = (name, make())
        return self._last[1]

    def embed(self, title: str, cached: CachedExtractor, companions: Sequence[CachedExtractor]) -> Embedded:
        """Embed every image of the run; one decode pass serves the companions too."""
        images = self.images
        with task(title, len(images)) as update:
            matrix = transform_together(
                [cached, *companions],
                images["path"].tolist(),
                image_ids=images["image_id"].tolist(),
                labels=images["label"].tolist(),
                progress=update,
                warn=warn,
            )[0]
        cost = self._cost(cached.extractor)
        microseconds = cached.collection().microseconds_per_image
        if np.isnan(microseconds):
            # Embedded on another machine: its times say nothing of this one.
            microseconds = 1e6 * cost.seconds[1]
        return Embedded(matrix.astype(np.float32, copy=False), microseconds, cached.key.weights_sha256, cost)

    def _cost(self, extractor: Extractor) -> Cost:
        """Measure the network on a few of the run's images."""
        # Of one size, so that they make one batch.
        sizes = self.images[["height", "width", "channels"]]
        alike = self.images[(sizes == sizes.iloc[0]).all(axis=1)]
        paths = (alike["path"].tolist() * BATCHES[-1])[: BATCHES[-1]]
        size = height_and_width(extractor.size)
        pixels = np.stack([read_image(path) for path in paths])
        forward = extractor.forward(len(pixels))
        return cost_of_backbone(extractor.load(), lambda X: forward(to_tensor(X)), pixels, size)

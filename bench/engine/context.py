"""What the jobs of a run share: its images, its folder, and what is computed once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from bench.config import RunConfig
from bench.run_folder import RunFolder
from features.backbones.reach import check_weights
from features.backbones.registry import architecture_of
from features.errors import InputError, NotRunnable
from features.splits import make_folds
from features.store import EmbeddingStore

if TYPE_CHECKING:
    from bench.engine.embedder import Embedder
    from features.datasets.regions import Regions

T = TypeVar("T")


@dataclass
class Context:
    """What jobs share.

    Parameters
    ----------
    config : RunConfig
    folder : RunFolder
    images : DataFrame
        The run's split, one row per image.
    store : EmbeddingStore
        Where embeddings are cached.
    """

    config: RunConfig
    folder: RunFolder
    images: pd.DataFrame
    store: EmbeddingStore
    _once: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def embedder(self) -> Embedder:
        """What embeds the run's images."""
        from bench.engine.embedder import Embedder

        return Embedder(self.config, self.images, self.store)

    @cached_property
    def regions(self) -> Regions:
        """Where the defects of the run's images are; empty where it has neither boxes nor masks."""
        from features.datasets.regions import COLUMNS, Regions, defect_regions, has_regions

        if has_regions(self.images):
            return defect_regions(self.images)
        return Regions(pd.DataFrame(columns=COLUMNS), {})

    @property
    def channels(self) -> int:
        """3 when any image has colour, else 1."""
        return int(self.images["channels"].max())

    @property
    def y(self) -> np.ndarray:
        """1 where an image shows a defect, int array of shape (n_images,)."""
        return self.images["y"].to_numpy(int)

    @property
    def sample_weight(self) -> np.ndarray | None:
        """Weight of each image, float array of shape (n_images,); None where the dataset gives none."""
        return self.images["weight"].to_numpy(float) if "weight" in self.images else None

    @property
    def cluster(self) -> np.ndarray | None:
        """What images belong together with, str array of shape (n_images,); None where none do.

        Images with one value (of a group under a group split, or exact copies) never lie on both sides
        of a split or a fold.
        """
        # Splits that older versions made have no clusters.
        named = [name for name in ("cluster", "group") if name in self.images]
        if not named or (named[0] == "group" and self.config.split.kind != "group"):
            return None
        return self.images[named[0]].to_numpy()

    def folds(self, rows: np.ndarray, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return shuffled, stratified folds of these images that keep together what belongs together."""
        cluster = self.cluster
        return make_folds(self.y[rows], count, seed, None if cluster is None else cluster[rows])

    def group_names(self, rows: np.ndarray) -> np.ndarray:
        """Return what the split kept together, str array of shape (len(rows),).

        Images of one cluster have equal words; a single image has an empty one.
        """
        if self.cluster is None:
            return np.full(len(rows), "", object)
        named = pd.Series(self.cluster[rows]).fillna("").astype(str)
        return named.where(named.duplicated(keep=False), "").to_numpy(object)

    def rows(self, split: str) -> np.ndarray:
        """Return the positions of the images of one split."""
        return np.flatnonzero((self.images["split"] == split).to_numpy())

    def check_labels(self) -> None:
        """Raise `NotRunnable` when the train split lacks good images or defects to learn from."""
        held = set(self.y[self.rows("train")])
        for label, what in ((0, "good image"), (1, "defect")):
            if label not in held:
                raise NotRunnable(f"no {what} in the train split to learn from")

    def check_regions(self) -> None:
        """Raise `NotRunnable` when no defective image of the train split has a box or a mask."""
        from features.datasets.regions import has_regions

        if not has_regions(self.images.iloc[self.rows("train")].query("y == 1")):
            raise NotRunnable(
                "attention needs a box or a mask on defective images of the train split, and there is none; "
                "add boxes or masks, or set attention_weights = []"
            )

    def common_size(self) -> tuple[int, int]:
        """Return the one (height, width) of all images; `InputError` when they differ."""
        sizes = set(zip(self.images["height"], self.images["width"], strict=True))
        if len(sizes) > 1:
            raise InputError(f"images of {len(sizes)} sizes: give the network a size, such as 224")
        height, width = sizes.pop()
        return int(height), int(width)

    def check_weights(self, backbone: str, weights: str) -> None:
        """Raise `InputError` when the weights of a backbone cannot be had; each is looked for once per run.

        See `features.backbones.reach.check_weights`.
        """

        def problem() -> InputError | None:
            try:
                check_weights(architecture_of(backbone), weights)
            except InputError as error:
                return error
            return None

        found = self.once(f"weights {weights} of {backbone}", problem)
        if found is not None:
            raise found

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` returned the first time that `name` was asked for."""
        if name not in self._once:
            self._once[name] = make()
        return self._once[name]

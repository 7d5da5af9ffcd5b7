"""Batches of uint8 pixels for skorch, in an order that depends only on the seed and the epoch."""

import re
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Dataset

from classifiers.cnn.training.regions import RegionMasks
from features.errors import InputError

#: Images or embeddings; where an image of the batch has a region, `images` and `regions` by name.
Inputs = torch.Tensor | dict[str, torch.Tensor]


class PixelDataset(Dataset[tuple[Inputs, torch.Tensor]]):
    """Images or embeddings with targets and sample weights.

    Parameters
    ----------
    inputs : uint8 array of shape (n, height, width[, 3]), or float array of shape (n, dim)
        May be memory-mapped; only the rows of a batch are read at a time.
    targets : float32 array, shape (n,)
        Class codes.
    weights : float32 array, shape (n,)
        Sample weights.
    regions : RegionMasks, optional
        Where the defects of the images are.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        regions: RegionMasks | None = None,
    ):
        self.inputs, self.regions = inputs, regions
        self.targets = torch.from_numpy(np.stack([targets, weights], axis=1).astype(np.float32))

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, row: int) -> tuple[Inputs, torch.Tensor]:
        return to_tensor(self.inputs[[row]])[0], self.targets[row]

    def batch(self, rows: np.ndarray) -> tuple[Inputs, torch.Tensor]:
        """Return inputs (n, channels, height, width) or (n, dim), and (n, 2) targets and weights.

        Where an image of the batch has a region, the inputs are a dict: `images` and `regions`, uint8 masks
        (n, 1, height, width).
        """
        inputs, targets = to_tensor(self.inputs[rows]), self.targets[torch.from_numpy(rows)]
        regions = None if self.regions is None else self.regions.batch(rows)
        return inputs if regions is None else {"images": inputs, "regions": regions}, targets


def to_tensor(inputs: np.ndarray) -> torch.Tensor:
    """Return images (n, height, width[, 3]) as (n, channels, height, width); embeddings as they are."""
    # Arrays of a decoder and of a file that is mapped may be read-only, which torch warns of.
    tensor = torch.from_numpy(np.require(inputs, requirements=["C", "W"]))
    if tensor.ndim == 3:
        return tensor[:, None]
    return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor


class BatchIterator:
    """Iterate over a `PixelDataset` a batch at a time; skorch's `iterator_train` and `iterator_valid`.

    Parameters
    ----------
    dataset : PixelDataset
    batch_size : int
    order : callable, optional
        Maps the epoch to its rows; by default all rows in their order.
    clock : list of int
        One entry, the current epoch, which the training loop sets and `order` receives.
    """

    def __init__(
        self,
        dataset: PixelDataset,
        batch_size: int,
        order: "EpochOrder | None" = None,
        clock: list[int] | None = None,
    ):
        self.dataset, self.batch_size, self.order = dataset, batch_size, order
        self.clock = clock or [0]

    def __iter__(self) -> Iterator[tuple[Inputs, torch.Tensor]]:
        rows = np.arange(len(self.dataset)) if self.order is None else self.order(self.clock[0])
        for batch in np.split(rows, range(self.batch_size, len(rows), self.batch_size)):
            # Batch norm cannot be trained on a single image.
            if len(batch) > 1 or self.order is None:
                yield self.dataset.batch(batch)

    def __len__(self) -> int:
        rows = len(self.dataset) if self.order is None else len(self.order)
        return -(-rows // self.batch_size)


class EpochOrder:
    """The training rows of an epoch and their order, a function of the seed and the epoch.

    Parameters
    ----------
    y : int array, shape (n,)
        Class codes.
    sampling : str
        `all`: every row once. `2000B`: that many of each class, drawn with replacement (bootstrap).
        `2000S`: at most that many of each class, drawn without replacement.
    seed : int

    Raises
    ------
    InputError
        If `sampling` has another form.
    """

    def __init__(self, y: np.ndarray, sampling: str = "all", seed: int = 0):
        match = re.fullmatch(r"all|([1-9]\d*)([BS])", sampling)
        if match is None:
            raise InputError(f"sampling {sampling!r}: give all, or a number with B or S, such as 2000B")
        self.seed = seed
        self.per_class = int(match[1]) if match[1] else None
        self.replace = match[2] == "B"
        self.classes = [np.flatnonzero(y == code) for code in np.unique(y)]

    def __call__(self, epoch: int) -> np.ndarray:
        """Return the rows of an epoch, shuffled."""
        rng = np.random.default_rng([self.seed, epoch])
        rows = np.concatenate([self._draw(rows, rng) for rows in self.classes])
        return rng.permutation(rows)

    def __len__(self) -> int:
        return sum(self._count(rows) for rows in self.classes)

    def _count(self, rows: np.ndarray) -> int:
        if self.per_class is None:
            return len(rows)
        return self.per_class if self.replace else min(self.per_class, len(rows))

    def _draw(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.per_class is None:
            return rows
        return rng.choice(rows, self._count(rows), replace=self.replace)

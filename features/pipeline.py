"""Decoding in worker processes, so that the network never waits for a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from features.errors import UnreadableImage
from features.files import content_hash
from features.images import decode_image, read_bytes
from features.preprocess import get_preprocess


@dataclass
class DecodedBatch:
    """Decoded images, stacked where they have the same shape.

    Parameters
    ----------
    stacks : list of (list of int, uint8 tensor of shape (n, channels, height, width))
        The rows of the input that each stack holds, and their pixels.
    contents : dict of int to str
        Content hash by row.
    problems : list of (int, str)
        Rows that could not be decoded, each with the reason.
    """

    stacks: list[tuple[list[int], torch.Tensor]] = field(default_factory=list)
    contents: dict[int, str] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def pin_memory(self) -> "DecodedBatch":
        """Move the pixels to page-locked memory, from which a GPU copies without waiting."""
        self.stacks = [(rows, pixels.pin_memory()) for rows, pixels in self.stacks]
        return self


def decode_batches(
    images: Sequence[str] | np.ndarray,
    *,
    preprocess: str = "none",
    batch_size: int = 64,
    workers: int = 0,
    pin: bool = False,
) -> Iterator[DecodedBatch]:
    """Decode images in order, a batch at a time, `workers` batches ahead of the reader.

    Parameters
    ----------
    images : sequence of str, or uint8 array of shape (n, height, width[, 3])
        Files, or pixels at hand.
    preprocess : str
        A name of `features.preprocess`.
    batch_size : int
        Images a batch.
    workers : int
        Processes; 0 decodes in this one.
    pin : bool
        Whether to return page-locked memory, for CUDA.

    Yields
    ------
    DecodedBatch
        A file that cannot be decoded is a problem of its batch, never an exception.
    """
    yield from DataLoader(
        _Images(images, preprocess),
        batch_size=batch_size,
        num_workers=workers if not isinstance(images, np.ndarray) else 0,
        collate_fn=_collate,
        pin_memory=pin,
        prefetch_factor=4 if workers and not isinstance(images, np.ndarray) else None,
    )


_Decoded = tuple[int, str, torch.Tensor | None, str]


class _Images(Dataset[_Decoded]):
    def __init__(self, images: Sequence[str] | np.ndarray, preprocess: str):
        self.images = images
        self.preprocess = get_preprocess(preprocess)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> _Decoded:
        image = self.images[row]
        if isinstance(image, np.ndarray):
            return row, content_hash(np.ascontiguousarray(image).data), self._tensor(image), ""
        try:
            data = read_bytes(image)
            pixels = decode_image(data, image)
        except UnreadableImage as error:
            return row, "", None, error.reason
        return row, content_hash(data), self._tensor(pixels), ""

    def _tensor(self, pixels: np.ndarray) -> torch.Tensor:
        pixels = np.ascontiguousarray(self.preprocess(pixels))
        if pixels.ndim == 2:
            return torch.from_numpy(_writable(pixels))[None]
        return torch.from_numpy(_writable(pixels)).permute(2, 0, 1)


def _writable(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.flags.writeable else pixels.copy()


def _collate(items: list[_Decoded]) -> DecodedBatch:
    batch = DecodedBatch()
    by_shape: dict[torch.Size, list[int]] = {}
    for position, (row, content, pixels, reason) in enumerate(items):
        if pixels is None:
            batch.problems.append((row, reason))
            continue
        batch.contents[row] = content
        by_shape.setdefault(pixels.shape, []).append(position)
    for positions in by_shape.values():
        pixels = torch.stack([tensor for p in positions if (tensor := items[p][2]) is not None])
        batch.stacks.append(([items[p][0] for p in positions], pixels))
    return batch

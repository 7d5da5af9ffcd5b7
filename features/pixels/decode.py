"""Decoding in worker processes, so that the network never waits for a file."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.io import ImageReadMode, decode_jpeg

from features.errors import InputError, UnreadableImage
from features.files import content_hash
from features.pixels.images import check_header, decode_image, read_bytes
from features.pixels.preprocess import get_preprocess


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
    jpegs : list of (int, uint8 tensor)
        JPEG files still to be decoded, by a GPU.
    """

    stacks: list[tuple[list[int], torch.Tensor]] = field(default_factory=list)
    contents: dict[int, str] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)
    jpegs: list[tuple[int, torch.Tensor]] = field(default_factory=list)

    @property
    def images(self) -> int:
        """Number of images, unreadable ones counted."""
        return len(self.contents) + len(self.problems)

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
    jpeg_device: torch.device | None = None,
) -> Iterator[DecodedBatch]:
    """Decode images in order, a batch at a time, `workers` batches ahead of the reader.

    Parameters
    ----------
    images : sequence of str, or uint8 array of shape (n, height, width[, 3])
        Files, or pixels at hand.
    preprocess : str
        A name of `features.pixels.preprocess`.
    batch_size : int
        Images a batch.
    workers : int
        Processes; 0 decodes in this one.
    pin : bool
        Whether to return page-locked memory, for CUDA.
    jpeg_device : torch.device, optional
        A CUDA device that decodes JPEG files; their pixels are then on it.

    Yields
    ------
    DecodedBatch
        A file that cannot be decoded is a problem of its batch, never an exception.
    """
    files = not isinstance(images, np.ndarray)
    loader: DataLoader = DataLoader(
        _Images(images, preprocess, keep_jpeg=jpeg_device is not None),
        batch_size=batch_size,
        num_workers=workers if files else 0,
        collate_fn=_collate,
        pin_memory=pin,
        prefetch_factor=4 if workers and files else None,
    )
    for batch in loader:
        if batch.jpegs and jpeg_device is not None:
            decode_jpegs(batch, jpeg_device)
        yield batch


def default_workers() -> int:
    """Return how many decoding processes to use where nothing is measured."""
    return max(1, min(8, (os.cpu_count() or 2) // 2))


def raise_problems(problems: list[tuple[int, str]], images: Sequence[str] | np.ndarray) -> None:
    """Raise one `InputError` that names every image that could not be embedded, if there are any."""
    if problems:
        named = [
            f"{images[row] if not isinstance(images, np.ndarray) else f'image {row}'} ({reason})"
            for row, reason in problems
        ]
        raise InputError(f"{len(named)} of {len(images)} images unreadable: {'; '.join(named)}")


def decode_jpegs(batch: DecodedBatch, device: torch.device) -> None:
    """Decode a batch's JPEG files on a GPU, all at once; those it refuses, by Pillow."""
    try:
        decoded = decode_jpeg([data for _, data in batch.jpegs], mode=ImageReadMode.UNCHANGED, device=device)
    except RuntimeError:
        decoded = [None] * len(batch.jpegs)
    stacks: dict[torch.Size, list[tuple[int, torch.Tensor]]] = {}
    for (row, data), pixels in zip(batch.jpegs, decoded, strict=True):
        if pixels is None:
            try:
                pixels = _to_tensor(decode_image(data.numpy().tobytes())).to(device)
            except UnreadableImage as error:
                batch.problems.append((row, error.reason))
                del batch.contents[row]
                continue
        stacks.setdefault(pixels.shape, []).append((row, pixels))
    for rows in stacks.values():
        batch.stacks.append(([row for row, _ in rows], torch.stack([pixels for _, pixels in rows])))
    batch.jpegs = []


def one_decoder(images: Sequence[str] | np.ndarray, preprocess: str) -> Callable[[int], torch.Tensor | None]:
    """Return what decodes one row in this process: (channels, height, width), None if unreadable."""
    dataset = _Images(images, preprocess)
    return lambda row: dataset[row][2]


_JPEG_START = b"\xff\xd8\xff"
_Decoded = tuple[int, str, torch.Tensor | None, str]


class _Images(Dataset[_Decoded]):
    def __init__(self, images: Sequence[str] | np.ndarray, preprocess: str, keep_jpeg: bool = False):
        self.images, self.keep_jpeg = images, keep_jpeg
        self.preprocess = get_preprocess(preprocess)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> _Decoded:
        image = self.images[row]
        if isinstance(image, np.ndarray):
            return row, content_hash(np.ascontiguousarray(image).data), self._tensor(image), ""
        try:
            data = read_bytes(image)
            if self.keep_jpeg and data[:3] == _JPEG_START:
                check_header(data, image)
                return row, content_hash(data), torch.frombuffer(bytearray(data), dtype=torch.uint8), ""
            pixels = decode_image(data, image)
        except UnreadableImage as error:
            return row, "", None, error.reason
        return row, content_hash(data), self._tensor(pixels), ""

    def _tensor(self, pixels: np.ndarray) -> torch.Tensor:
        return _to_tensor(self.preprocess(pixels))


def _to_tensor(pixels: np.ndarray) -> torch.Tensor:
    pixels = _writable(np.ascontiguousarray(pixels))
    return torch.from_numpy(pixels)[None] if pixels.ndim == 2 else torch.from_numpy(pixels).permute(2, 0, 1)


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
        if pixels.ndim == 1:
            batch.jpegs.append((row, pixels))
            continue
        by_shape.setdefault(pixels.shape, []).append(position)
    for positions in by_shape.values():
        pixels = torch.stack([tensor for p in positions if (tensor := items[p][2]) is not None])
        batch.stacks.append(([items[p][0] for p in positions], pixels))
    return batch

"""Decoded images as one array: in memory where they fit, else memory-mapped on disk."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
import torch

from features.pixels.decode import decode_batches, default_workers, raise_problems
from features.pixels.sizes import height_and_width
from features.pixels.transforms import resize_batch

MEMORY_SHARE = 0.5


def load_images(
    paths: Sequence[str],
    *,
    size: int | tuple[int, int],
    channels: int = 1,
    preprocess: str = "none",
    file: Path | None = None,
    memory_bytes: int | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Decode and resize files into one array.

    Parameters
    ----------
    paths : sequence of str
        The files.
    size : int or (int, int)
        Side of a square, or height and width, pixels.
    channels : {1, 3}
        1 for grey images; 3 also takes grey ones, which fill all three.
    preprocess : str
        A name of `features.pixels.preprocess`.
    file : Path, optional
        File for the array when it needs more than `memory_bytes`; it is made anew.
    memory_bytes : int, optional
        Budget; half of the free memory by default.
    workers : int, optional
        Decoding processes.
    progress : callable, optional
        Called with the number of images done.

    Returns
    -------
    uint8 array, shape (n, height, width) or (n, height, width, 3)
        A `memmap` when it would not fit into memory.

    Raises
    ------
    InputError
        When files cannot be decoded; every one is named.
    """
    height, width = height_and_width(size)
    shape = (len(paths), height, width) + ((3,) if channels == 3 else ())
    budget = psutil.virtual_memory().available * MEMORY_SHARE if memory_bytes is None else memory_bytes
    if file is not None and np.prod(shape, dtype=np.int64) > budget:
        file.parent.mkdir(parents=True, exist_ok=True)
        images: np.ndarray = np.lib.format.open_memmap(file, "w+", np.uint8, shape)
    else:
        images = np.empty(shape, np.uint8)
    problems: list[tuple[int, str]] = []
    done = 0
    for batch in decode_batches(
        paths, preprocess=preprocess, workers=default_workers() if workers is None else workers
    ):
        for rows, pixels in batch.stacks:
            resized = resize_batch(pixels, (height, width))
            images[rows] = _last_axis(resized, channels)
            done += len(rows)
        problems += batch.problems
        done += len(batch.problems)
        if progress is not None:
            progress(done)
    raise_problems(problems, paths)
    return images


def _last_axis(images: torch.Tensor, channels: int) -> np.ndarray:
    if channels == 3:
        return images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()
    if images.shape[1] == 3:
        # The luma weights of ITU-R 601, as Pillow converts colour to grey.
        luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        images = (images.float() * luma).sum(1, keepdim=True).round().to(torch.uint8)
    return images[:, 0].numpy()

"""A short measurement that chooses the batch size and the number of decoding processes."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil
import torch

from features.extract.forward import Forward
from features.pixels.decode import default_workers
from features.pixels.inputs import Images
from features.pixels.sizes import height_and_width

#: Fewer images than this are done before a measurement would have paid.
MEASURE_FROM = 2048
DEFAULT_BATCH = 64
MEMORY_SHARE = 0.5
_CANDIDATES = {"cpu": (16, 64), "cuda": (64, 128, 256, 512, 1024)}
_WORTH = 1.05


@dataclass(frozen=True)
class Plan:
    """How to run an extraction.

    Parameters
    ----------
    batch_size : int
        Images a forward pass.
    workers : int
        Decoding processes; 0 decodes in this one.
    """

    batch_size: int
    workers: int


def make_plan(
    images: Images,
    decode: Callable[[int], torch.Tensor | None],
    forward: Forward,
    *,
    batch_size: int | None = None,
    workers: int | None = None,
) -> Plan:
    """Choose what the caller has left open, by measuring on the first images.

    Parameters
    ----------
    images : sequence of str, or uint8 array
        What is to be embedded.
    decode : callable
        A row to its pixels (channels, height, width), None when it cannot be read.
    forward : Forward
        The network on its device.
    batch_size, workers : int, optional
        What the caller wants.

    Returns
    -------
    Plan
    """
    measured = len(images) >= MEASURE_FROM and (batch_size is None or workers is None)
    if not measured:
        return Plan(batch_size or DEFAULT_BATCH, default_workers() if workers is None else workers)
    started = time.perf_counter()
    tried = [decode(row) for row in range(8)]
    decoding = (time.perf_counter() - started) / len(tried)
    sample = next((pixels for pixels in tried if pixels is not None), None)
    if sample is None:
        return Plan(batch_size or DEFAULT_BATCH, default_workers() if workers is None else workers)
    batch, embedding = _fastest_batch(sample, forward, batch_size)
    if workers is None:
        # One process more than it takes to keep up, and one core left to feed the device.
        needed = int(np.ceil(1.3 * decoding / embedding))
        workers = min(max(1, needed), max(1, (os.cpu_count() or 2) - 1), 16)
    return Plan(batch, workers)


def _fastest_batch(sample: torch.Tensor, forward: Forward, wanted: int | None) -> tuple[int, float]:
    """Return a batch size and its seconds per image; a larger batch must be worth its memory."""
    candidates = (wanted,) if wanted else _CANDIDATES.get(forward.device.type, (DEFAULT_BATCH,))
    best, best_seconds = candidates[0], np.inf
    for size in candidates:
        if not _fits(sample, forward, size):
            break
        pixels = sample[None].repeat(size, 1, 1, 1)
        if size == candidates[0] or forward.device.type != "cpu":
            # What the first pass allocates and compiles is not to be counted; a CPU has that done by now.
            forward(pixels)
        started = time.perf_counter()
        forward(pixels)
        seconds = (time.perf_counter() - started) / size
        if forward.limit is not None:
            break
        if best_seconds > _WORTH * seconds:
            best, best_seconds = size, seconds
    forward.limit = None
    return best, best_seconds if np.isfinite(best_seconds) else 0.01


def _fits(sample: torch.Tensor, forward: Forward, size: int) -> bool:
    """Guess whether a batch stays within the share of memory that is to be used."""
    height, width = height_and_width(forward.size)
    # Activations of the widest layers of a ResNet are some thirty times its input.
    needed = size * (30 * 3 * 4 * height * width + sample.numel())
    if forward.device.type == "cuda":
        return needed <= MEMORY_SHARE * torch.cuda.mem_get_info(forward.device)[0]
    return needed <= MEMORY_SHARE * psutil.virtual_memory().available

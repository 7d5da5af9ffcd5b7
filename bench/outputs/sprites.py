"""Thumbnails of a run's images in sheets, as large as fit into the report."""

import io
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image

from features.pixels.arrays import load_images
from features.pixels.transforms import resize_batch
from results.report import Sprites

SIDES = (64, 48, 32, 24, 16)
BUDGET_BYTES = 6_000_000
_SHEET_SIDE = 2048
_QUALITY = 70


def make_sprites(
    paths: Sequence[str],
    progress: Callable[[int], None] | None = None,
    budget_bytes: int = BUDGET_BYTES,
    sides: Sequence[int] = SIDES,
) -> Sprites:
    """Decode images and pack their thumbnails.

    Parameters
    ----------
    paths : sequence of str
        Images, all readable.
    progress : callable, optional
        Called with the number of images decoded.
    budget_bytes : int
        What all sheets together may take; thumbnails shrink until they do, down to the last of `sides`.
    sides : sequence of int
        Sides of a thumbnail that may be used, pixels, falling.

    Returns
    -------
    Sprites
    """
    thumbnails = load_images(paths, size=sides[0], progress=progress)
    sprites = _pack(thumbnails)
    for side in sides[1:]:
        if sum(map(len, sprites.sheets)) <= budget_bytes:
            break
        smaller = resize_batch(torch.from_numpy(thumbnails)[:, None], side)
        sprites = _pack(smaller[:, 0].round().to(torch.uint8).numpy())
    return sprites


def _pack(thumbnails: np.ndarray) -> Sprites:
    side = thumbnails.shape[1]
    columns = _SHEET_SIDE // side
    per_sheet = columns * columns
    sheets = []
    for start in range(0, len(thumbnails), per_sheet):
        part = thumbnails[start : start + per_sheet]
        rows = -(-len(part) // columns)
        cells = np.zeros((rows * columns, side, side), np.uint8)
        cells[: len(part)] = part
        sheet = cells.reshape(rows, columns, side, side).swapaxes(1, 2).reshape(rows * side, columns * side)
        buffer = io.BytesIO()
        Image.fromarray(sheet).save(buffer, "JPEG", quality=_QUALITY)
        sheets.append(buffer.getvalue())
    return Sprites(side, columns, per_sheet, sheets)

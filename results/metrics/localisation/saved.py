"""From saved maps and regions to `Located`."""

from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from results.metrics.localisation.base import Located

CORNERS = ["x1", "y1", "x2", "y2"]


def enlarge(heat: np.ndarray, height: int, width: int) -> np.ndarray:
    """Enlarge a map to the size of the image that it belongs to, bilinearly.

    Parameters
    ----------
    heat : float array, shape (map_height, map_width)
        Its cells divide the image evenly.
    height, width : int
        Of the image, pixels.

    Returns
    -------
    float32 array, shape (height, width)

    Examples
    --------
    >>> enlarge(np.array([[0.0, 1.0]]), 1, 4)
    array([[0.  , 0.25, 0.75, 1.  ]], dtype=float32)
    """
    rows, columns = _weights(height, heat.shape[0]), _weights(width, heat.shape[1])
    return (rows @ heat.astype(np.float32) @ columns.T).astype(np.float32)


@lru_cache(maxsize=64)
def _weights(size: int, cells: int) -> np.ndarray:
    """Return the share of each cell in each pixel, float32 array of shape (size, cells)."""
    centres = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    low = np.minimum(centres.astype(int), max(cells - 2, 0))
    share = centres - low
    weights = np.zeros((size, cells), np.float32)
    weights[np.arange(size), low] = 1 - share
    weights[np.arange(size), np.minimum(low + 1, cells - 1)] += share
    return weights


def locate(image: Mapping[Hashable, Any], regions: pd.DataFrame) -> Located:
    """Return a saved map in the pixels of its image, with the regions that its preprocessing leaves.

    Parameters
    ----------
    image : mapping
        A row of a table of maps, see `results.tables.localisation.COLUMNS`.
    regions : DataFrame
        The rows of this image in the table of regions, in pixels of the whole image; may be empty.

    Returns
    -------
    Located
        A region outside of the window that a crop leaves is gone; one that the crop cuts is clipped.
    """
    left, top, right, bottom = (int(image[f"window_{corner}"]) for corner in CORNERS)
    cells = (int(image["map_height"]), int(image["map_width"]))
    heat = enlarge(np.asarray(image["values"], np.float32).reshape(cells), bottom - top, right - left)
    found, boxes = [], []
    for row in regions.to_dict("records"):
        pixels = _pixels(row)[top:bottom, left:right]
        if not pixels.any():
            continue
        found.append(pixels)
        limits = (right - left - 1, bottom - top - 1)
        x1, x2 = np.clip([row["x1"] - left, row["x2"] - left], 0, limits[0])
        y1, y2 = np.clip([row["y1"] - top, row["y2"] - top], 0, limits[1])
        boxes.append((x1, y1, x2, y2))
    size = (int(image["height"]), int(image["width"]))
    kept = np.stack(found) if found else np.zeros((0, *heat.shape), bool)
    return Located(heat, kept, np.array(boxes, float).reshape(-1, 4), (left, top), size)


def _pixels(row: Mapping[Hashable, Any]) -> np.ndarray:
    """Return the pixels of one region, bool array of the size of the whole image."""
    pixels = np.zeros((int(row["height"]), int(row["width"])), bool)
    runs = np.asarray(row["runs"], np.int64).reshape(-1, 2)
    if len(runs):
        flat = pixels.reshape(-1)
        for start, length in runs:
            flat[start : start + length] = True
        return pixels
    x1, y1, x2, y2 = (float(row[corner]) for corner in CORNERS)
    pixels[int(np.floor(y1)) : int(np.ceil(y2)) + 1, int(np.floor(x1)) : int(np.ceil(x2)) + 1] = True
    return pixels

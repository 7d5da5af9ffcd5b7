"""How many of the defects the proposals of a detector cover."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from results.metrics.detection.saved import CORNERS

#: Numbers of proposals per image that recall is computed for.
NUMBERS = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300)
OVERLAPS = (0.5, 0.75)


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each pair of boxes.

    Parameters
    ----------
    first, second : float arrays, shapes (n, 4) and (m, 4)
        x1, y1, x2, y2; x2 and y2 are edges, not included.

    Returns
    -------
    float array, shape (n, m)

    Examples
    --------
    >>> overlaps(np.array([[0, 0, 2, 2]]), np.array([[0, 0, 2, 1], [4, 4, 5, 5]])).tolist()
    [[0.5, 0.0]]
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clip(min=0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clip(min=0).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared, dtype=float), where=union > 0)


def needed_proposals(truth: pd.DataFrame, proposals: pd.DataFrame, overlap: float) -> np.ndarray:
    """Return for each true box the number of proposals, best first, that it takes to cover it.

    Parameters
    ----------
    truth : DataFrame
        Columns `image_id` and the corners.
    proposals : DataFrame
        Also `rank`, which is 1 for the best proposal of an image.
    overlap : float
        Intersection over union from which a box is covered.

    Returns
    -------
    float array, shape (len(truth),)
        Infinity where no proposal covers the box.
    """
    by_image = dict(list(proposals.sort_values("rank").groupby("image_id")))
    needed = np.full(len(truth), np.inf)
    place = pd.Series(np.arange(len(truth)), index=truth.index)
    for image, own in truth.groupby("image_id"):
        if image not in by_image:
            continue
        found = by_image[image]
        covers = overlaps(own[CORNERS].to_numpy(float), found[CORNERS].to_numpy(float)) >= overlap
        ranks = np.where(covers, found["rank"].to_numpy(float), np.inf).min(axis=1)
        needed[place[own.index].to_numpy()] = ranks
    return needed


def recall_curve(needed: np.ndarray, numbers: Sequence[int] = NUMBERS) -> np.ndarray:
    """Return the share of true boxes that each number of proposals per image covers; NaN without a box."""
    if len(needed) == 0:
        return np.full(len(numbers), np.nan)
    return (needed[None] <= np.asarray(numbers)[:, None]).mean(axis=1)

"""Boxes as a detector learns them: checked, scaled to the size of its images, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.errors import InputError

#: The class of boxes that come without one.
DEFECT = "defect"

OUTSIDE, FLAT, CLIPPED = "boxes wholly outside the image", "boxes without area", "boxes clipped to the image"
MISSING, SWAPPED = "boxes with missing values", "boxes with swapped corners"
GOOD, BOXED = "good images", "defective images with a box"
UNBOXED = "defective images without a usable box, left out"
ON_GOOD = "good images with boxes, their boxes are not used"


@dataclass(frozen=True, eq=False)
class Targets:
    """The boxes of some images.

    Parameters
    ----------
    boxes : list of float32 array, shape (k, 4)
        x1, y1, x2, y2 of each image's boxes in pixels of the network's input; x2 and y2 are edges, not
        included.
    classes : list of str array, shape (k,)
        Class of each box.
    boxed : bool array, shape (n,)
        Images with at least one box.
    good : bool array, shape (n,)
        Good images, which are all background. An image that is neither is left out.
    counts : dict of str to int
        How many images and boxes were of which kind.
    """

    boxes: list[np.ndarray]
    classes: list[np.ndarray]
    boxed: np.ndarray
    good: np.ndarray
    counts: dict[str, int]


def make_targets(
    y: np.ndarray,
    boxes: Sequence[np.ndarray] | None,
    classes: Sequence[np.ndarray] | None,
    before: tuple[int, int],
    after: tuple[int, int],
) -> Targets:
    """Check boxes and scale them.

    Parameters
    ----------
    y : int array, shape (n,)
        1: defective, 0: good.
    boxes : sequence of n float arrays, shape (k, 4)
        Pixels of the images as they are given; see `Targets.boxes`.
    classes : sequence of n str arrays, shape (k,), optional
        By default every box is of one class.
    before, after : (int, int)
        Height and width of the images as given and as the network takes them.

    Returns
    -------
    Targets
        Corners are put in order and boxes clipped to the image. Boxes with a missing value, outside the
        image or without area are dropped and counted, as are boxes of good images.

    Raises
    ------
    InputError
        When `boxes` or `classes` do not fit the images.
    """
    boxes = [np.zeros((0, 4))] * len(y) if boxes is None else boxes
    if len(boxes) != len(y):
        raise InputError(f"boxes of {len(boxes)} images for {len(y)} images: give one array per image")
    if classes is not None and len(classes) != len(y):
        raise InputError(f"classes of {len(classes)} images for {len(y)} images: give one array per image")
    counts: Counter[str] = Counter({GOOD: int((y == 0).sum())})
    scale = np.array([after[1] / before[1], after[0] / before[0]] * 2)
    found, named = [], []
    for row, given in enumerate(boxes):
        corners = np.asarray(given, float)
        if corners.size and (corners.ndim != 2 or corners.shape[1] != 4):
            raise InputError(f"boxes of image {row} have the shape {corners.shape}: give (k, 4)")
        corners = corners.reshape(-1, 4)
        own = np.full(len(corners), DEFECT) if classes is None else np.asarray(classes[row], str)
        if own.shape != (len(corners),):
            raise InputError(f"image {row} has {len(corners)} boxes and {own.size} classes: give one per box")
        if y[row] == 0:
            counts[ON_GOOD] += bool(len(corners))
            corners, own = corners[:0], own[:0]
        kept, usable = _mended(corners, before, counts)
        found.append((kept * scale).astype(np.float32))
        named.append(own[usable])
    boxed = np.array([len(own) > 0 for own in found], bool)
    counts[BOXED] = int(boxed.sum())
    counts[UNBOXED] = int(((y == 1) & ~boxed).sum())
    return Targets(found, named, boxed, np.asarray(y) == 0, {k: v for k, v in counts.items() if v})


def _mended(
    corners: np.ndarray, size: tuple[int, int], counts: Counter[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the usable boxes, in order and clipped, and which of the given ones they are."""
    height, width = size
    known = np.isfinite(corners).all(axis=1)
    counts[MISSING] += int((~known).sum())
    low, high = np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])
    counts[SWAPPED] += int((known & (corners[:, :2] > corners[:, 2:]).any(axis=1)).sum())
    edge = np.array([width, height], float)
    # Counted as wholly outside before a box is clipped to nothing.
    outside = known & ((low >= edge) | (high <= 0)).any(axis=1)
    counts[OUTSIDE] += int(outside.sum())
    inside = known & ~outside
    flat = inside & (high <= low).any(axis=1)
    counts[FLAT] += int(flat.sum())
    counts[CLIPPED] += int((inside & ((low < 0) | (high > edge)).any(axis=1)).sum())
    usable = inside & ~flat
    return np.hstack([low.clip(0, edge), high.clip(0, edge)])[usable], usable

"""The boxes of a run's images: what detectors learn, and what they find, in pixels of the photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench.console import Update
from bench.engine.context import Context
from features.chunks import chunks
from features.datasets.boxes import CORNERS
from features.pixels.preprocess import get_preprocess
from results.metrics.detection.saved import BOX, COLUMNS, IMAGE, PROPOSAL, TRUTH

if TYPE_CHECKING:
    from classifiers.detection.detector import Detector

REMOVED = "boxes that the preprocessing removes"
_CHUNK = 256


@dataclass(frozen=True, eq=False)
class RunTargets:
    """The boxes of all images of a run, in the order of its split.

    Parameters
    ----------
    boxes : list of float array, shape (k, 4)
        x1, y1, x2, y2 in pixels of the preprocessed photograph; x2 and y2 are edges, not included.
    classes : list of str array, shape (k,)
        The label of the image.
    windows : int array, shape (n, 4)
        The part of each photograph that the preprocessing keeps.
    counts : dict of str to int
        What was not usable, and how often.
    """

    boxes: list[np.ndarray]
    classes: list[np.ndarray]
    windows: np.ndarray
    counts: dict[str, int]

    def scaled(self, size: tuple[int, int]) -> list[np.ndarray]:
        """Return the boxes in pixels of images resized to (height, width)."""
        return [own * size_of(window, size) for own, window in zip(self.boxes, self.windows, strict=True)]


def size_of(window: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the factors from a window of a photograph to an image of (height, width), shape (4,)."""
    return np.array([size[1] / (window[2] - window[0]), size[0] / (window[3] - window[1])] * 2)


def run_targets(context: Context, preprocess: str) -> RunTargets:
    """Return the boxes of a run's images under a preprocessing.

    Boxes and masks are those of `Context.regions`; a mask counts as the boxes around
    its connected parts. Boxes of which the preprocessing leaves nothing are dropped and counted.
    """
    images = context.images
    regions = context.regions
    by_image = {name: part[CORNERS].to_numpy(float) for name, part in regions.table.groupby("image_id")}
    change = get_preprocess(preprocess)
    boxes, classes, windows, removed = [], [], [], 0
    for image in images[["image_id", "label", "height", "width"]].to_dict("records"):
        height, width = int(image["height"]), int(image["width"])
        windows.append(change.checked_window(height, width))
        corners = by_image.get(image["image_id"], np.zeros((0, 4)))
        moved = change.move_boxes(corners, height, width)
        kept = ~np.isnan(moved).any(axis=1)
        removed += int((~kept).sum())
        # Regions are inclusive pixels.
        boxes.append(moved[kept] + (0, 0, 1, 1))
        classes.append(np.full(int(kept.sum()), str(image["label"])))
    counts = {name: count for name, count in regions.counts.items() if count and name.startswith("boxes")}
    if removed:
        counts[REMOVED] = removed
    return RunTargets(boxes, classes, np.array(windows), counts)


def found_boxes(
    estimator: Detector, X: dict[str, np.ndarray], context: Context, targets: RunTargets, update: Update
) -> pd.DataFrame:
    """Return what a detector finds in the valid and test images, with their true boxes.

    Returns
    -------
    DataFrame
        As `results.metrics.detection.saved.COLUMNS`: a row for each image, true box, detected box and
        proposal. Proposals are listed for images with a true box only.
    """
    found, done = _Rows(), 0
    for split, pixels in X.items():
        rows = context.rows(split)
        for part in chunks(len(rows), _CHUNK):
            for row, detected in zip(rows[part], estimator.detect(pixels[part]), strict=True):
                image, window = context.images.iloc[row], targets.windows[row]
                back = 1 / size_of(window, estimator.image_size)
                offset = np.array([window[0], window[1]] * 2)
                truth = targets.boxes[row]
                found.add(IMAGE, image, np.full((1, 4), np.nan), [str(image["label"])])
                found.add(TRUTH, image, truth + offset, targets.classes[row])
                found.add(BOX, image, detected.boxes * back + offset, detected.labels, detected.scores)
                if len(truth):
                    proposals = detected.proposals * back + offset
                    found.add(PROPOSAL, image, proposals, [""] * len(proposals))
            done += part.stop - part.start
            update(done)
    return found.frame()


class _Rows:
    """Rows of the table of boxes; a frame for each image would take seconds."""

    def __init__(self) -> None:
        self.columns: dict[str, list[object]] = {name: [] for name in COLUMNS if name not in CORNERS}
        self.corners: list[np.ndarray] = []

    def add(
        self,
        what: str,
        image: pd.Series,
        boxes: np.ndarray,
        classes: Sequence[str] | np.ndarray,
        scores: np.ndarray | None = None,
    ) -> None:
        count = len(boxes)
        given: dict[str, Sequence[object] | np.ndarray] = {
            "image_id": [str(image["image_id"])] * count,
            "split": [str(image["split"])] * count,
            "y": [int(image["y"])] * count,
            "what": [what] * count,
            "class": [str(name) for name in classes],
            "score": [np.nan] * count if scores is None else scores.astype(float),
            "rank": range(1, count + 1),
        }
        for name, values in given.items():
            self.columns[name].extend(values)
        self.corners.append(boxes.astype(np.float32))

    def frame(self) -> pd.DataFrame:
        corners = np.concatenate(self.corners) if self.corners else np.zeros((0, 4), np.float32)
        return pd.DataFrame(
            {**self.columns, **{name: corners[:, place] for place, name in enumerate(CORNERS)}}
        )

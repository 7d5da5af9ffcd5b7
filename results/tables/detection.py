"""What detectors find: mean average precision, and recall of proposals against their number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from results.metrics.detection.precision import ALL, INSTALL, is_available, mean_average_precision
from results.metrics.detection.recall import NUMBERS, OVERLAPS, needed_proposals, recall_curve
from results.metrics.detection.saved import Part, part_of
from results.predictions import ROW_KEY

MEAN = "mean of the classes"
#: Numbers of proposals whose recall the table gives.
SHOWN = (1, 10, 100, 300)


def detection_table(boxes: pd.DataFrame) -> pd.DataFrame:
    """Measure the boxes of each detector on the test split.

    Parameters
    ----------
    boxes : DataFrame
        The columns `ROW_KEY` and `results.metrics.detection.saved.COLUMNS`.

    Returns
    -------
    DataFrame
        Columns `ROW_KEY`; `label` (`mean of the classes`, `all defects as one class`, or a class); `boxes`
        (true boxes); `images` (test images that count: good ones and defective ones with a true box);
        `without_box` (defective test images without a usable box, left out); `map_50` and `map_50_95`
        (average precision at an overlap of 0.5, and its mean over overlaps of 0.5 to 0.95);
        `proposal_recall_K` (share of true boxes that the K best proposals per image cover at an overlap of
        0.5) and `note`, which says what to install where average precision cannot be computed. Empty without
        detectors.
    """
    rows = [row for key, part in _detectors(boxes, "test") for row in _rows(key, part)]
    return pd.DataFrame(rows)


def recall_table(boxes: pd.DataFrame) -> pd.DataFrame:
    """Return the recall of proposals on the test split against their number.

    Parameters
    ----------
    boxes : DataFrame
        As in `detection_table`.

    Returns
    -------
    DataFrame
        Columns `ROW_KEY`, `overlap`, `proposals` (per image) and `recall`.
    """
    rows: list[dict[str, object]] = []
    for key, part in _detectors(boxes, "test"):
        for overlap in OVERLAPS:
            recall = recall_curve(needed_proposals(part.truth, part.proposals, overlap))
            rows += [
                {**key, "overlap": overlap, "proposals": number, "recall": value}
                for number, value in zip(NUMBERS, recall, strict=True)
            ]
    return pd.DataFrame(rows)


def _detectors(boxes: pd.DataFrame, split: str) -> Iterator[tuple[dict[str, object], Part]]:
    if boxes.empty:
        return
    for _, frame in boxes.groupby(ROW_KEY, sort=False, observed=True):
        yield {name: frame[name].iloc[0] for name in ROW_KEY}, part_of(frame, split)


def _rows(key: dict[str, object], part: Part) -> Iterator[dict[str, object]]:
    measured = part.measured
    note, found = "", {}
    if is_available():
        found = mean_average_precision(part.truth, part.boxes, measured)
    else:
        note = INSTALL
    labels = sorted(set(part.truth["class"].astype(str)))
    each = np.array([found[label] for label in labels if label in found]).reshape(-1, 2)
    found[MEAN] = tuple(each.mean(axis=0)) if len(each) else (np.nan, np.nan)
    unboxed = part.images[part.unboxed]
    needed = needed_proposals(part.truth, part.proposals, OVERLAPS[0])
    for label in (MEAN, ALL, *labels):
        whole = label in (MEAN, ALL)
        own = np.full(len(part.truth), True) if whole else (part.truth["class"] == label).to_numpy()
        half, mean = found.get(label, (np.nan, np.nan))
        recall = recall_curve(needed[own], SHOWN)
        yield {
            **key,
            "label": label,
            "boxes": int(own.sum()),
            "images": len(measured),
            "without_box": len(unboxed) if whole else int((unboxed["class"] == label).sum()),
            "map_50": half,
            "map_50_95": mean,
            **{f"proposal_recall_{n}": value for n, value in zip(SHOWN, recall, strict=True)},
            "note": note,
        }

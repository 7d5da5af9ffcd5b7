"""The curves of the report's plots, thinned to what an eye can tell."""

from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from results.predictions import Row

MOST_POINTS = 160


def curves_of(row: Row) -> dict[str, Any]:
    """Return the ROC, precision-recall and overkill-escape curves of a row on the test split.

    Returns
    -------
    dict
        `roc`: overkill and share found; `pr`: recall and precision; `oe`: overkill and escapes, where a
        rate of 0 is drawn at half an image, for logarithmic axes. Each a pair of lists.
    """
    y, score = row.part("test")
    if len(set(y)) < 2:
        return {}
    fpr, tpr, _ = roc_curve(y, score)
    precision, recall, _ = precision_recall_curve(y, score)
    good, defects = int((y == 0).sum()), int((y == 1).sum())
    return {
        "roc": _thin(fpr, tpr),
        "pr": _thin(recall[::-1], precision[::-1]),
        "oe": _thin(np.maximum(fpr, 0.5 / good), np.maximum(1 - tpr, 0.5 / defects)),
    }


def _thin(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    kept = np.unique(np.linspace(0, len(x) - 1, min(MOST_POINTS, len(x))).round().astype(int))
    return [np.round(x[kept], 5).tolist(), np.round(y[kept], 5).tolist()]

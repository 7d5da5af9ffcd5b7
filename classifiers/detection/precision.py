"""The mean average precision that selects the epoch, by torchmetrics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from classifiers.detection.extra import what_to_install
from features.errors import NotRunnable

#: Boxes, scores and classes of an image; boxes and classes of an image.
Detected = tuple[np.ndarray, np.ndarray, np.ndarray]
Truth = tuple[np.ndarray, np.ndarray]


def average_precision(detected: Sequence[Detected], truth: Sequence[Truth]) -> float:
    """Return the mean average precision over the classes, at an overlap of 0.5.

    Parameters
    ----------
    detected : sequence of (float array (k, 4), float array (k,), str array (k,))
        Boxes, their scores and classes of each image.
    truth : sequence of (float array (k, 4), str array (k,))
        The boxes of each image and their classes.

    Raises
    ------
    NotRunnable
        When torchmetrics or its backend is not installed.
    """
    if missing := what_to_install():
        raise NotRunnable(missing)
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    names = np.unique(np.concatenate([*(each[2] for each in detected), *(each[1] for each in truth)]))
    metric = MeanAveragePrecision(backend="faster_coco_eval", iou_thresholds=[0.5])
    metric.update(
        [
            {
                "boxes": torch.from_numpy(boxes),
                "scores": torch.from_numpy(scores),
                "labels": torch.from_numpy(np.searchsorted(names, labels)),
            }
            for boxes, scores, labels in detected
        ],
        [
            {"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(np.searchsorted(names, labels))}
            for boxes, labels in truth
        ],
    )
    return max(float(metric.compute()["map"]), 0.0)

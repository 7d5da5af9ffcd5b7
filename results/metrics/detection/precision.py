"""Mean average precision of detected boxes, by torchmetrics on the backend faster_coco_eval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from results.metrics.detection.saved import CORNERS

if TYPE_CHECKING:
    import torch

#: What the computation needs, and how it is installed.
PACKAGES = ("torchmetrics", "faster_coco_eval")
INSTALL = "mAP needs torchmetrics and faster-coco-eval: pip install 'defectbench[detection]'"
ALL = "all defects as one class"


def is_available() -> bool:
    """Return whether the packages that compute it are installed."""
    return all(find_spec(package) is not None for package in PACKAGES)


def mean_average_precision(
    truth: pd.DataFrame, boxes: pd.DataFrame, images: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Return the average precision of each class and of all classes together.

    Parameters
    ----------
    truth, boxes : DataFrame
        True and detected boxes: `image_id`, `class`, corners, and for detected ones `score`.
    images : sequence of str
        Ids of the images that count; boxes in other images are left out.

    Returns
    -------
    dict of str to (float, float)
        AP at an overlap of 0.5, and the mean over overlaps of 0.5 to 0.95, for each class that has a true
        box, and for `ALL`, which counts a box of whatever class as right. NaN where there is no true box.

    References
    ----------
    Lin et al., Microsoft COCO: common objects in context, ECCV 2014.
    """
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    classes = np.unique(np.concatenate([truth["class"].to_numpy(str), boxes["class"].to_numpy(str)]))
    by_truth, by_boxes = (dict(list(frame.groupby("image_id"))) for frame in (truth, boxes))

    def measured(names: np.ndarray | None, thresholds: list[float] | None) -> Mapping[str, torch.Tensor]:
        def labels(frame: pd.DataFrame) -> torch.Tensor:
            codes = np.searchsorted(names, frame["class"].to_numpy(str)) if names is not None else 0
            return torch.as_tensor(codes * np.ones(len(frame), int), dtype=torch.int64)

        metric = MeanAveragePrecision(
            backend="faster_coco_eval", class_metrics=True, iou_thresholds=thresholds
        )
        found, wanted = [], []
        for image in images:
            own, true = by_boxes.get(image, boxes.iloc[:0]), by_truth.get(image, truth.iloc[:0])
            scores = torch.tensor(own["score"].to_numpy(np.float32))
            found.append({"boxes": _corners(own), "scores": scores, "labels": labels(own)})
            wanted.append({"boxes": _corners(true), "labels": labels(true)})
        metric.update(found, wanted)
        return metric.compute()

    there = set(truth.loc[truth["image_id"].isin(list(images)), "class"].astype(str))
    if not there:
        return {ALL: (np.nan, np.nan)}
    result = {}
    for names in (None, classes):
        half, whole = (measured(names, thresholds) for thresholds in ([0.5], None))
        if names is None:
            result[ALL] = (float(half["map"]), float(whole["map"]))
            continue
        codes = np.atleast_1d(whole["classes"].numpy())
        pairs = zip(
            codes,
            np.atleast_1d(half["map_per_class"].numpy()),
            np.atleast_1d(whole["map_per_class"].numpy()),
            strict=True,
        )
        for code, low, mean in pairs:
            if str(names[code]) in there:
                result[str(names[code])] = (float(low), float(mean))
    return result


def _corners(frame: pd.DataFrame) -> torch.Tensor:
    import torch

    return torch.tensor(frame[CORNERS].to_numpy(np.float32))

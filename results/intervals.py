"""The interval of each figure that has one, and the rows that cannot be told from the best."""

import numpy as np
import pandas as pd

from results import metrics
from results.metrics import Scored
from results.metrics.operating import operating_point
from results.metrics.probability import probabilities
from results.metrics.ranking import ROC_AUC
from results.predictions import ROW_KEY, Row
from results.statistics import (
    auc_interval,
    average_precision_interval,
    best_group,
    decision_intervals,
    effective_size,
    mean_interval,
    proportion_interval,
    score_auc_interval,
)


def intervals_of(scored: Scored) -> dict[str, float]:
    """Return the 95% intervals of one row's figures on the test split.

    The area under the ROC curve: see `results.statistics.auc_interval`. Proportions of images (accuracy,
    escape rate, overkill rate): Wilson's. F1 and balanced accuracy: Jeffreys' prior. Average precision: the
    bootstrap. Brier score: Student's t. All of them keep a width at 0 and at 1, and count groups instead of
    images where images belong together.

    Parameters
    ----------
    scored : Scored

    Returns
    -------
    dict of str to float
        `NAME_low` and `NAME_high` of every metric with an interval; NaN for a figure that the test split
        cannot give, because it lacks a class.
    """
    y, score, groups = scored.y_test, scored.score_test, scored.groups_test
    called = scored.predicted == 1
    pairs: dict[str, tuple[float, float]] = {}
    found: dict[str, float] = {}
    if scored.has_decisions:
        pairs["accuracy"] = proportion_interval(called == (y == 1), groups)
        pairs |= _rates(scored, scored.threshold, "escape", "overkill")
        losses = (probabilities(scored) - y) ** 2
        if not np.isnan(losses).any():
            pairs["brier"] = mean_interval(losses, groups)
    pairs |= _rates(
        scored,
        operating_point(scored).threshold,
        "escapes_at_operating_point",
        "overkill_at_operating_point",
    )
    if scored.has_both:
        sizes = [effective_size(called[y == label], _some(groups, y == label)) for label in (1, 0)]
        pairs["roc_auc"] = _auc_interval(scored)
        pairs["average_precision"] = average_precision_interval(
            y, score, groups=groups, size=_units(groups, y == 1)
        )
        if scored.has_decisions:
            pairs |= decision_intervals(scored.confusion, sizes=(sizes[0], sizes[1]))
    for name in (each for each in metrics.names() if metrics.get_metric(each).interval):
        found[f"{name}_low"], found[f"{name}_high"] = pairs.get(name, (float("nan"), float("nan")))
    return found


def mark_best(table: pd.DataFrame, rows: list[Row]) -> pd.Series:
    """Return which rows of a leaderboard are the best or cannot be told from it.

    Rows are compared on the same test images only, by `results.statistics.best_group`. Where rows of one
    split and repeat were scored on different images, the set of images with the most rows is compared;
    without a largest set no row is marked. A row that finds no defect at its threshold is not marked.

    Parameters
    ----------
    table : DataFrame
        With the columns `ROW_KEY`.
    rows : list of Row
        Predictions.

    Returns
    -------
    Series of bool
    """
    best: set[tuple[object, ...]] = set()
    for together in _same_images(rows):
        y, groups = together[0].part("test")[0], together[0].groups("test")
        if min(_units(groups, y == 0), _units(groups, y == 1)) >= 2:
            scores = {str(number): row.part("test")[1] for number, row in enumerate(together)}
            best |= {_key(together[int(name)].key) for name in best_group(y, scores, groups=groups)}
    marked = pd.Series([_key(row) in best for row in table.to_dict("records")], index=table.index, dtype=bool)
    if {"tp", "fn"} <= set(table):
        marked &= ~((table["tp"] == 0) & (table["fn"] > 0)).fillna(False).astype(bool)
    return marked


def _auc_interval(scored: Scored) -> tuple[float, float]:
    y, groups = scored.y_test, scored.groups_test
    defects, good = (_units(groups, y == label) for label in (1, 0))
    if min(defects, good) < 2:
        # One image or group of a class has no variance; the score interval needs none.
        return score_auc_interval(ROC_AUC.compute(scored), defects, good)
    return auc_interval(y, scored.score_test, groups=groups)


def _wrong(scored: Scored, threshold: float) -> list[tuple[str, np.ndarray]]:
    called = scored.score_test >= threshold
    return [("escape", ~called[scored.y_test == 1]), ("overkill", called[scored.y_test == 0])]


def _rates(scored: Scored, threshold: float, *names: str) -> dict[str, tuple[float, float]]:
    """Return the intervals of the escape and the overkill rate at a threshold, under two names."""
    if not np.isfinite(threshold):
        return {}
    wrong = [values for _, values in _wrong(scored, threshold)]
    groups = [_some(scored.groups_test, scored.y_test == label) for label in (1, 0)]
    each = zip(names, wrong, groups, strict=True)
    return {name: proportion_interval(values, of) for name, values, of in each if len(values)}


def _some(groups: np.ndarray | None, chosen: np.ndarray) -> np.ndarray | None:
    return None if groups is None else groups[chosen]


def _units(groups: np.ndarray | None, chosen: np.ndarray) -> int:
    """Return how many independent images, or groups, there are among those chosen."""
    return int(chosen.sum()) if groups is None else len(np.unique(groups[chosen]))


def _same_images(rows: list[Row]) -> list[list[Row]]:
    """Return the rows of each split and repeat that were scored on the same images, the most of them."""
    by_split: dict[tuple[object, ...], dict[str, list[Row]]] = {}
    for row in rows:
        images = by_split.setdefault((row.key["split_kind"], row.key["repeat"]), {})
        images.setdefault(row.images("test"), []).append(row)
    found = []
    for images in by_split.values():
        most = max(map(len, images.values()))
        largest = [together for together in images.values() if len(together) == most]
        found += largest if len(largest) == 1 else []
    return found


def _key(row: dict) -> tuple[object, ...]:
    return tuple(row[name] for name in ROW_KEY)

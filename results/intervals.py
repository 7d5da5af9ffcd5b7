"""The interval of each figure that has one, and the rows that cannot be told from the best."""

import pandas as pd

from results.metrics import Scored
from results.predictions import ROW_KEY, Row
from results.statistics import (
    auc_interval,
    average_precision_interval,
    best_group,
    decision_intervals,
    wilson_interval,
)

#: Figures with an interval; columns `NAME_low` and `NAME_high`.
WITH_INTERVAL = ("roc_auc", "accuracy", "balanced_accuracy", "average_precision", "f1", "escape", "overkill")


def intervals_of(scored: Scored) -> dict[str, float]:
    """Return the 95 % intervals of one row's figures on the test split.

    DeLong's for the area under the ROC curve, Wilson's for proportions of images (accuracy, escape rate,
    overkill rate), the bootstrap for the rest.

    Parameters
    ----------
    scored : Scored

    Returns
    -------
    dict of str to float
        `escape` and `overkill` themselves, and `NAME_low`, `NAME_high`; nothing for a figure that a test
        split without one of the classes has no interval of.
    """
    tn, fp, fn, tp = scored.confusion
    y, score = scored.y_test, scored.score_test
    found: dict[str, float] = {"escape": fn / max(fn + tp, 1), "overkill": fp / max(tn + fp, 1)}
    pairs = {
        "accuracy": wilson_interval(tn + tp, len(y)),
        "escape": wilson_interval(fn, fn + tp),
        "overkill": wilson_interval(fp, tn + fp),
    }
    if min(tn + fp, fn + tp) >= 2:
        pairs["roc_auc"] = auc_interval(y, score)
        pairs["average_precision"] = average_precision_interval(y, score)
        pairs |= decision_intervals(scored.confusion)
    for name in WITH_INTERVAL:
        if name in pairs:
            found[f"{name}_low"], found[f"{name}_high"] = pairs[name]
    return found


def mark_best(table: pd.DataFrame, rows: list[Row]) -> pd.Series:
    """Tell which rows of a leaderboard are the best or cannot be told from it.

    Rows are compared by paired DeLong tests with the best, Holm-corrected at 5 %, among rows of the same
    split and repeat.

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
        y = together[0].part("test")[0]
        if min(y.sum(), len(y) - y.sum()) >= 2:
            scores = {str(number): row.part("test")[1] for number, row in enumerate(together)}
            best |= {_key(together[int(name)].key) for name in best_group(y, scores)}
    return pd.Series([_key(row) in best for row in table.to_dict("records")], index=table.index, dtype=bool)


def _same_images(rows: list[Row]) -> list[list[Row]]:
    by_split: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        by_split.setdefault((row.key["split_kind"], row.key["repeat"]), []).append(row)
    return list(by_split.values())


def _key(row: dict) -> tuple[object, ...]:
    return tuple(row[name] for name in ROW_KEY)

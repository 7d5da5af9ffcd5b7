"""Each class of a dataset with several: which kinds of defect escape."""

import pandas as pd
from sklearn.metrics import roc_auc_score

from results.leaderboard import scored
from results.predictions import ROW_KEY, Row, rows_of
from results.statistics import proportion_interval

MACRO = "mean of the classes"


def per_class_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Measure every model on each class of the test split.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`; `label` is the class.

    Returns
    -------
    DataFrame
        The columns `ROW_KEY`, `label`, `defect` (whether the class is one; missing for the mean), `n`,
        `right` (share on the right side of the threshold), `right_low`, `right_high` (Wilson's 95%
        interval) and `roc_auc` (of a defect class against all good images, of a good class against all
        defects; NaN where there are none). Each model's last row is the mean of its classes. Empty when the
        dataset has two classes.
    """
    frames = [_classes_of(row) for row in rows_of(predictions)]
    found = [frame for frame in frames if len(frame) > 3]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _classes_of(row: Row) -> pd.DataFrame:
    test = row.frame[row.frame["split"] == "test"].sort_values("image_id")
    groups = row.groups("test")
    called = test["score"].to_numpy() >= scored(row).threshold
    right = called == (test["y_true"].to_numpy() == 1)
    rows = []
    for label, part in test.groupby("label", observed=True, sort=True):
        kind = int(part["y_true"].mode()[0])
        own = test["label"].to_numpy() == label
        hits = int(right[own].sum())
        low, high = proportion_interval(right[own], None if groups is None else groups[own])
        against = pd.concat([part, test[test["y_true"] != kind]])
        both = against["y_true"].nunique() == 2
        auc = float(roc_auc_score(against["y_true"], against["score"])) if both else float("nan")
        rows.append({"label": str(label), "defect": bool(kind), "n": len(part), "right": hits / len(part),
                     "right_low": low, "right_high": high, "roc_auc": auc})  # fmt: skip
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    frame["defect"] = frame["defect"].astype("boolean")
    mean = frame[["right", "roc_auc"]].mean()
    # The mean is over good and defective classes: it is neither.
    frame.loc[len(frame)] = {"label": MACRO, "defect": pd.NA, "n": frame["n"].sum(), **mean}
    for name in reversed(ROW_KEY):
        frame.insert(0, name, row.key[name])
    return frame

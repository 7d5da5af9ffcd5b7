"""Runs side by side, and the model that satisfies limits."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from results.errors import PredictionsError
from results.predictions import Row, name_features, rows_of
from results.statistics import wilson_interval

_KEY = ["model", "features", "weights", "preprocess", "sampling"]


def side_by_side(tables: dict[str, pd.DataFrame], metric: str = "roc_auc") -> pd.DataFrame:
    """Put one figure of several runs side by side.

    Parameters
    ----------
    tables : dict of run name to DataFrame
        Leaderboards.
    metric : str
        A numeric column of theirs.

    Returns
    -------
    DataFrame
        The key columns, a column a run, and for each run but the first the difference to it, named
        `RUN - FIRST`; best in the first run on top.

    Raises
    ------
    PredictionsError
        For a column that a run does not have.
    """
    columns = []
    for name, table in tables.items():
        if metric not in table or not pd.api.types.is_numeric_dtype(table[metric]):
            raise PredictionsError(f"{name}: no figure {metric!r} in its leaderboard")
        done = table.dropna(subset=[metric]).drop_duplicates(_KEY)
        columns.append(done.set_index(_KEY)[metric].rename(name))
    merged = pd.concat(columns, axis=1)
    first, *others = tables
    for name in others:
        merged[f"{name} - {first}"] = merged[name] - merged[first]
    return merged.sort_values(first, ascending=False, kind="stable").reset_index()


@dataclass(frozen=True)
class Choice:
    """A model at the threshold that keeps escapes under the limit on the valid split.

    Parameters
    ----------
    model, features : str
    threshold : float
    ms : float
        Per image.
    overkill_valid : float
        Share of the valid split's good parts thrown away.
    escapes, defects, overkills, good : int
        Of the test split.
    """

    model: str
    features: str
    threshold: float
    ms: float
    overkill_valid: float
    escapes: int
    defects: int
    overkills: int
    good: int

    def describe(self) -> str:
        """Say what was chosen and how it does on the test split, with 95 % intervals."""
        escape, overkill = (
            (f"{count} of {n} ({count / max(n, 1):.2%}, 95 % interval {low:.2%} to {high:.2%})")
            for count, n, (low, high) in (
                (self.escapes, self.defects, wilson_interval(self.escapes, self.defects)),
                (self.overkills, self.good, wilson_interval(self.overkills, self.good)),
            )
        )
        return (
            f"{self.model} on {self.features}, threshold {self.threshold:.4g}, {self.ms:.3g} ms an image\n"
            f"on the test split: {escape} of the defects escape; {overkill} of the good parts are thrown away"
        )


def choose(
    predictions: pd.DataFrame,
    *,
    max_escape: float,
    max_ms: float = np.inf,
    max_overkill: float = 1.0,
) -> Choice:
    """Choose the model that throws the fewest good parts away within limits.

    Everything is chosen on the valid split: each model's threshold is the highest one that lets no more
    than `max_escape` of its defects escape. The test split only tells how the choice does.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.
    max_escape : float
        Share of the defects that may escape.
    max_ms : float
        Milliseconds an image.
    max_overkill : float
        Share of the good parts that may be thrown away.

    Returns
    -------
    Choice
        Of equally good ones the fastest.

    Raises
    ------
    PredictionsError
        When no model keeps to the limits; the message says which limit was missed by how much.
    """
    choices = [_at_limit(row, max_escape) for row in rows_of(predictions)]
    if not choices:
        raise PredictionsError("no model has been scored yet")
    fast = [choice for choice in choices if choice.ms <= max_ms]
    if not fast:
        fastest = min(choices, key=lambda c: c.ms)
        raise PredictionsError(
            f"no model takes at most {max_ms:g} ms an image; the fastest, {fastest.model} on "
            f"{fastest.features}, takes {fastest.ms:.3g} ms"
        )
    best = min(fast, key=lambda c: (c.overkill_valid, c.ms))
    if best.overkill_valid > max_overkill:
        raise PredictionsError(
            f"no model keeps overkill at {max_overkill:.1%} with {max_escape:.2%} escapes; the best, "
            f"{best.model} on {best.features}, throws {best.overkill_valid:.1%} of the good parts away"
        )
    return best


def _at_limit(row: Row, max_escape: float) -> Choice:
    y, score = row.part("valid")
    defects = np.sort(score[y == 1])
    # Scores below the threshold escape: at most this many of the lowest may.
    threshold = float(defects[int(np.floor(max_escape * len(defects) + 1e-9))]) if len(defects) else 0.0
    y_test, score_test = row.part("test")
    called = score_test >= threshold
    return Choice(
        model=str(row.key["model"]),
        features=name_features(*(str(row.key[k]) for k in ("features", "weights", "preprocess"))),
        threshold=threshold,
        ms=float(str(row.constant("predict_us"))) / 1000,
        overkill_valid=float((score[y == 0] >= threshold).mean()),
        escapes=int(((y_test == 1) & ~called).sum()),
        defects=int((y_test == 1).sum()),
        overkills=int(((y_test == 0) & called).sum()),
        good=int((y_test == 0).sum()),
    )

"""Runs side by side, and the model that satisfies limits."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import beta

from results.errors import PredictionsError
from results.feature_set import FeatureSet
from results.leaderboard import scored
from results.metrics.operating import CONFIDENCE, defects_needed
from results.metrics.thresholds import Cuts
from results.notes import percent
from results.predictions import Row, rows_of
from results.statistics import proportion_interval

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
        The key columns, one column per run, and for each run but the first the difference to it, named
        `RUN - FIRST`; best in the first run on top. Figures on different test images have no difference;
        a column `note` then says what differs from the first run: the test images, the kind of split, or
        the valid images (another protocol on the same test images).

    Raises
    ------
    PredictionsError
        For a column that a run does not have.
    """
    columns, protocols = [], {}
    for name, table in tables.items():
        if metric not in table or not pd.api.types.is_numeric_dtype(table[metric]):
            raise PredictionsError(f"{name}: no figure {metric!r} in its leaderboard")
        done = table.dropna(subset=[metric]).drop_duplicates(_KEY).set_index(_KEY)
        columns.append(done[metric].astype(float).rename(name))
        protocols[name] = done.reindex(columns=["test_images", "split_kind", "valid_images"])
    merged = pd.concat(columns, axis=1)
    first, *others = tables
    notes: list[list[str]] = [[] for _ in range(len(merged))]
    for name in others:
        difference = merged[name] - merged[first]
        found = _protocol_notes(protocols[first].reindex(merged.index), protocols[name].reindex(merged.index))
        merged[f"{name} - {first}"] = difference.where(~found.str.startswith("other test images"))
        for row, what, known in zip(notes, found, difference.notna(), strict=True):
            row += [f"{name}: {what}"] if what and known else []
    if any(notes):
        merged["note"] = ["; ".join(row) for row in notes]
    return merged.sort_values(first, ascending=False, kind="stable").reset_index()


def _protocol_notes(first: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    """Return what differs between the protocols of the same rows of two runs, empty where nothing does."""
    both = first.notna() & other.notna()
    differs = both & (first != other)
    found = []
    for row in differs.to_dict("records"):
        words = []
        if row["test_images"]:
            words.append("other test images")
        if row["split_kind"]:
            words.append("another kind of split")
        if row["valid_images"] and not row["test_images"]:
            words.append("other valid images")
        found.append(", ".join(words))
    return pd.Series(found, index=first.index, dtype=object)


@dataclass(frozen=True)
class Choice:
    """A model at a threshold that keeps escapes under the limit on the valid split.

    Parameters
    ----------
    model, features : str
    threshold : float
    ms : float
        Per image.
    overkill_valid : float
        Share of the valid split's good images that are called defective.
    escapes, defects, overkills, good : int
        Of the test split.
    asked : float
        Share of the defects that may escape.
    proofs, missed : int
        Independent defects of the valid split (groups under a group split), and how many of them escape.
    escape_interval, overkill_interval : (float, float)
        95% intervals on the test split.
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
    asked: float
    proofs: int
    missed: int
    escape_interval: tuple[float, float]
    overkill_interval: tuple[float, float]

    @property
    def proved_escape(self) -> float:
        """The escape rate that the valid split proves not to be exceeded (Clopper and Pearson)."""
        if self.missed >= self.proofs:
            return 1.0
        return float(beta.ppf(CONFIDENCE, self.missed + 1, self.proofs - self.missed))

    def describe(self) -> str:
        """Return what was chosen, what it does on the test split, and how sure that is."""
        escape, overkill = (
            f"{count} of {n} ({count / n:.2%}, 95% interval {low:.2%} to {high:.2%})"
            if n
            else "none of 0 (unknown)"
            for count, n, (low, high) in (
                (self.escapes, self.defects, self.escape_interval),
                (self.overkills, self.good, self.overkill_interval),
            )
        )
        lines = [
            f"{self.model} on {self.features}, threshold {self.threshold:.4g}, {self.ms:.3g} ms per image",
            f"on the test split: {escape} of the defects escape; {overkill} of the good images are called "
            "defective",
            f"asked for: at most {self.asked:.2%} escapes. {self._verdict()}",
            self._proof(),
        ]
        return "\n".join(lines)

    def _verdict(self) -> str:
        if not self.defects:
            return "The test split holds no defect to check it with."
        low, high = self.escape_interval
        kept = self.escapes <= self.asked * self.defects + 1e-9
        if not kept:
            sure = "" if low > self.asked else ", although its interval contains the limit"
            return f"The test split shows more: {self.escapes / self.defects:.2%}{sure}."
        sure = (
            "and its interval keeps below it" if high <= self.asked else "but its interval reaches above it"
        )
        return f"The test split keeps to it, {sure}."

    def _proof(self) -> str:
        held = (
            f"{self.missed} of {self.proofs} independent valid defects escape, which proves an escape rate "
            f"of at most {percent(self.proved_escape)} at {CONFIDENCE:.0%} confidence"
        )
        if self.proved_escape <= self.asked:
            return f"{held}: the limit is proved."
        needed = defects_needed(1 - self.asked)
        how = f"at least {needed:.0f} valid defects are needed" if np.isfinite(needed) else "no number could"
        return f"{held}: the limit is not proved ({how})."


def choose(
    predictions: pd.DataFrame,
    *,
    max_escape: float,
    max_ms: float = np.inf,
    max_overkill: float = 1.0,
) -> Choice:
    """Choose the model that calls the fewest good images defective within limits.

    Everything is chosen on the valid split: each model's threshold is the one of the least overkill that
    lets no more than `max_escape` of its defects escape, and of thresholds with equal overkill the one
    that lets the fewest escape. It lies in the middle between two scores. The test split only shows how
    the choice does.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.
    max_escape : float
        Share of the defects that may escape, 0 to 1.
    max_ms : float
        Milliseconds per image.
    max_overkill : float
        Share of the good images that may be called defective.

    Returns
    -------
    Choice
        Of equally good ones the fastest.

    Raises
    ------
    PredictionsError
        When no model keeps to the limits (the message says which limit was missed by how much), the valid
        split lacks a class, or models were scored on different valid images.
    """
    rows = list(rows_of(predictions))
    if not rows:
        raise PredictionsError("no model has been scored yet")
    if len({row.images("valid") for row in rows}) > 1:
        raise PredictionsError("the models were scored on different valid images: they cannot be compared")
    y = rows[0].part("valid")[0]
    for label, name in ((1, "defect"), (0, "good image")):
        if not (y == label).any():
            raise PredictionsError(f"the valid split holds no {name}: no threshold can be chosen on it")
    choices = [_at_limit(row, max_escape) for row in rows]
    fast = [choice for choice in choices if choice.ms <= max_ms]
    if not fast:
        fastest = min(choices, key=lambda c: c.ms)
        raise PredictionsError(
            f"no model takes at most {max_ms:g} ms per image; the fastest, {fastest.model} on "
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
    scores = scored(row)
    y, score = scores.y_valid, scores.score_valid
    cuts = Cuts.of(y, score)
    threshold = cuts.threshold(cuts.limited(int(np.floor(max_escape * (y == 1).sum() + 1e-9))))
    escaped = score[y == 1] < threshold
    groups = np.arange(len(y)) if scores.groups_valid is None else scores.groups_valid
    of_defects = groups[y == 1]
    called, defect = scores.score_test >= threshold, scores.y_test == 1
    test_groups = scores.groups_test
    by_class = [None if test_groups is None else test_groups[chosen] for chosen in (defect, ~defect)]
    return Choice(
        model=str(row.key["model"]),
        features=FeatureSet.of(row.key).title,
        threshold=threshold,
        ms=float(str(row.constant("predict_us"))) / 1000,
        overkill_valid=float((score[y == 0] >= threshold).mean()),
        escapes=int((defect & ~called).sum()),
        defects=int(defect.sum()),
        overkills=int((~defect & called).sum()),
        good=int((~defect).sum()),
        asked=max_escape,
        proofs=len(np.unique(of_defects)),
        missed=len(np.unique(of_defects[escaped])),
        escape_interval=proportion_interval(~called[defect], by_class[0]),
        overkill_interval=proportion_interval(called[~defect], by_class[1]),
    )

"""The operating point: a threshold for a wanted recall, chosen on the valid split, and what can be proved.

The threshold is a distribution-free tolerance limit (Wilks, Determination of sample sizes for setting
tolerance limits, Annals of Mathematical Statistics 12, 1941). Of n independent defects at most s may lie
below it, where s is the largest number for which s or fewer of n would lie below the true limit with a
probability of at most 1 - confidence. That probability is binomial, whatever the scores' distribution.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from results.metrics.base import Metric, Scored
from results.metrics.thresholds import Cuts
from results.notes import percent
from results.views import View

WANTED_RECALL, CONFIDENCE = 0.995, 0.95


def provable_recall(defects: int, confidence: float = CONFIDENCE) -> float:
    """Return the largest recall that this number of valid defects can prove.

    Parameters
    ----------
    defects : int
        Independent defects of the valid split.
    confidence : float

    Returns
    -------
    float
        0 without a defect.

    Examples
    --------
    >>> round(provable_recall(123), 3)
    0.976
    """
    return float((1 - confidence) ** (1 / defects)) if defects else 0.0


def defects_needed(recall: float, confidence: float = CONFIDENCE) -> float:
    """Return how many valid defects are needed to prove a recall; infinity for a recall of 1.

    Examples
    --------
    >>> defects_needed(0.995)
    598.0
    """
    if recall >= 1:
        return float("inf")
    return float(max(1, np.ceil(np.log(1 - confidence) / np.log(recall) - 1e-9))) if recall > 0 else 0.0


def tolerated_escapes(defects: int, recall: float, confidence: float = CONFIDENCE) -> int | None:
    """Return how many of the valid defects may escape at a threshold that proves a recall.

    Parameters
    ----------
    defects : int
        Independent defects of the valid split.
    recall, confidence : float

    Returns
    -------
    int or None
        None when this number of defects cannot prove the recall.

    Examples
    --------
    >>> tolerated_escapes(598, 0.995), tolerated_escapes(597, 0.995), tolerated_escapes(123, 0.95)
    (0, None, 2)
    """
    if recall <= 0:
        return defects
    from scipy.stats import binom

    # The smallest s whose binomial distribution function reaches 1 - confidence, or the one below it.
    most = int(binom.ppf(1 - confidence, defects, 1 - recall))
    while most >= 0 and binom.cdf(most, defects, 1 - recall) > (1 - confidence) * (1 + 1e-12):
        most -= 1
    return most if most >= 0 and defects else None


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold for a wanted recall, and what it does on the test split.

    Parameters
    ----------
    wanted : float
        The recall asked for.
    confidence : float
    proofs : int
        Independent valid defects; groups with a defect under a group split.
    provable : float
        The largest recall that they can prove.
    recall : float
        The recall that the threshold is chosen for: `wanted`, or `provable` where that is less.
    threshold : float
        NaN where the valid split holds no defect.
    escapes, defects, overkills, good : int
        Counts of the test split.
    """

    wanted: float
    confidence: float
    proofs: int
    provable: float
    recall: float
    threshold: float
    escapes: int
    defects: int
    overkills: int
    good: int

    @property
    def is_provable(self) -> bool:
        """Whether the valid split can prove the wanted recall."""
        return self.wanted <= self.provable

    @property
    def escape_rate(self) -> float:
        """Share of the test defects that escape; NaN without a threshold or a defect."""
        return self._rate(self.escapes, self.defects)

    @property
    def overkill_rate(self) -> float:
        """Share of the good test images that are called defective; NaN without a threshold or good images."""
        return self._rate(self.overkills, self.good)

    @property
    def claim(self) -> str:
        """What the valid split proves, for a table's cell."""
        if not self.proofs:
            return "no recall provable: no valid defect"
        sure = f"at {self.confidence:.0%} confidence"
        if self.is_provable:
            return f"recall {percent(self.wanted)} proved {sure}"
        needed = defects_needed(self.wanted, self.confidence)
        why = f"{self.proofs} valid defects, {needed:.0f} needed" if np.isfinite(needed) else "by any number"
        most = percent(self.provable, below=self.wanted)
        return f"recall {percent(self.wanted)} not provable ({why}); at most {most} {sure}"

    def _rate(self, count: int, whole: int) -> float:
        return count / whole if whole and np.isfinite(self.threshold) else float("nan")


def operating_point(
    scored: Scored, recall: float = WANTED_RECALL, confidence: float = CONFIDENCE
) -> OperatingPoint:
    """Choose a threshold for a wanted recall on the valid split and count what it does on test.

    Parameters
    ----------
    scored : Scored
        Under a group split each group gives its lowest defect, because defects of one group are not
        independent; the recall is then that of a defect from a new group.
    recall : float
        Share of the defects that must be found.
    confidence : float
        With which the threshold finds that share of new defects.

    Returns
    -------
    OperatingPoint
        Where the valid split cannot prove `recall`, the threshold is that of the largest recall that it
        can prove.
    """
    lowest = _independent(scored)
    provable = provable_recall(len(lowest), confidence)
    threshold = float("nan")
    if len(lowest):
        most = tolerated_escapes(len(lowest), recall, confidence) or 0
        threshold = _at_or_below(scored, float(np.sort(lowest)[min(most, len(lowest) - 1)]))
    called = scored.score_test >= threshold
    defect = scored.y_test == 1
    return OperatingPoint(
        wanted=recall,
        confidence=confidence,
        proofs=len(lowest),
        provable=provable,
        recall=min(recall, provable),
        threshold=threshold,
        escapes=int((defect & ~called).sum()),
        defects=int(defect.sum()),
        overkills=int((~defect & called).sum()),
        good=int((~defect).sum()),
    )


def _independent(scored: Scored) -> np.ndarray:
    """Return the scores of the valid defects, of each group the lowest."""
    defects = scored.score_valid[scored.y_valid == 1]
    if scored.groups_valid is None or not len(defects):
        return defects
    _, groups = np.unique(scored.groups_valid[scored.y_valid == 1], return_inverse=True)
    lowest = np.full(groups.max() + 1, np.inf)
    np.minimum.at(lowest, groups, defects)
    return lowest


def _at_or_below(scored: Scored, limit: float) -> float:
    """Return the lowest threshold with no more overkill than one at the limit has on the valid split."""
    cuts = Cuts.of(scored.y_valid, scored.score_valid)
    k = int(np.searchsorted(cuts.values, limit))
    return cuts.threshold(int(np.flatnonzero(cuts.overkills == cuts.overkills[k])[0]))


def _field(name: str) -> Callable[[Scored], float]:
    return lambda scored: float(getattr(operating_point(scored), name))


_SHARE: Any = {"unit": "%", "digits": 1}
_SIDE = frozenset({View.INSPECTION})
OPERATING = (
    Metric("provable_recall", "Provable recall", _field("provable"), **_SHARE, views=_SIDE),
    Metric("operating_recall", "Recall proved at the operating point", _field("recall"), **_SHARE,
           views=_SIDE),
    Metric("operating_threshold", "Threshold of the operating point", _field("threshold"), None,
           views=frozenset()),
    Metric("escapes_at_operating_point", "Escapes at the operating point", _field("escape_rate"), False,
           **_SHARE, interval=True, views=_SIDE),
    Metric("overkill_at_operating_point", "Overkill at the operating point", _field("overkill_rate"), False,
           **_SHARE, interval=True, views=_SIDE | {View.REPORT}),
)  # fmt: skip

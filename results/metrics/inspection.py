"""What an inspection engineer asks: good parts thrown away where almost no defect escapes, and money."""

import numpy as np
from sklearn.metrics import roc_curve

from results.metrics.base import Metric, Scored

TRUE_POSITIVE_RATES = (0.991, 0.993, 0.995, 0.997, 1.0)
OVERKILLS = (0.01, 0.05)
#: An escape costs as much as this many good parts thrown away, where nothing else is said.
ESCAPE_COST, OVERKILL_COST = 20.0, 1.0


def overkill_at(y: np.ndarray, score: np.ndarray, true_positive_rate: float) -> float:
    """Return the smallest share of good parts thrown away where so many defects are found.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
    true_positive_rate : float
        Share of the defects that must be found, at least.

    Returns
    -------
    float
    """
    fpr, tpr, _ = roc_curve(y, score, drop_intermediate=False)
    return float(fpr[tpr >= true_positive_rate - 1e-12].min())


def escapes_at(y: np.ndarray, score: np.ndarray, overkill: float) -> float:
    """Return the smallest share of defects that escape where at most so many good parts are thrown away.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
    overkill : float
        Share of the good parts that may be thrown away.

    Returns
    -------
    float
    """
    fpr, tpr, _ = roc_curve(y, score, drop_intermediate=False)
    return float(1 - tpr[fpr <= overkill + 1e-12].max())


def cheapest_threshold(y: np.ndarray, score: np.ndarray, escape_cost: float, overkill_cost: float) -> float:
    """Return the threshold of the smallest cost; of equally cheap ones the lowest.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
        A part is called defective when its score reaches the threshold.
    escape_cost, overkill_cost : float
        Of one part.

    Returns
    -------
    float
    """
    fpr, tpr, thresholds = roc_curve(y, score, drop_intermediate=False)
    good, bad = float((y == 0).sum()), float((y == 1).sum())
    cost = escape_cost * (1 - tpr) * bad + overkill_cost * fpr * good
    cheapest = np.flatnonzero(cost <= cost.min() + 1e-9)[-1]
    if not np.isfinite(thresholds[cheapest]):
        return float(np.nextafter(score.max(), np.inf))
    return float(thresholds[cheapest])


def expected_cost(
    scored: Scored, escape_cost: float = ESCAPE_COST, overkill_cost: float = OVERKILL_COST
) -> float:
    """Return the cost of a test part at the threshold that was cheapest on the valid split.

    Parameters
    ----------
    scored : Scored
    escape_cost, overkill_cost : float
        Of one part.

    Returns
    -------
    float
    """
    threshold = cheapest_threshold(scored.y_valid, scored.score_valid, escape_cost, overkill_cost)
    called = scored.score_test >= threshold
    escapes = ((scored.y_test == 1) & ~called).sum()
    overkills = ((scored.y_test == 0) & called).sum()
    return float((escape_cost * escapes + overkill_cost * overkills) / len(scored.y_test))


def _overkill(rate: float) -> Metric:
    return Metric(
        f"overkill_at_{100 * rate:g}",
        f"Overkill at {100 * rate:g} % found",
        lambda scored: overkill_at(scored.y_test, scored.score_test, rate),
        higher_is_better=False,
    )


def _escapes(overkill: float) -> Metric:
    return Metric(
        f"escapes_at_{100 * overkill:g}",
        f"Escapes at {100 * overkill:g} % overkill",
        lambda scored: escapes_at(scored.y_test, scored.score_test, overkill),
        higher_is_better=False,
    )


OVERKILL = tuple(_overkill(rate) for rate in TRUE_POSITIVE_RATES)
ESCAPES = tuple(_escapes(overkill) for overkill in OVERKILLS)
COST = Metric("expected_cost", "Cost/part", expected_cost, higher_is_better=False)

"""What an inspection engineer asks: overkill where almost no defect escapes, and cost.

The `_roc` figures describe the test split's own ROC curve. No threshold chosen beforehand promises them;
`results.metrics.operating` has the figures of a threshold that is chosen on the valid split.
"""

import numpy as np

from results.metrics.base import Metric, Scored
from results.metrics.thresholds import cheapest_threshold
from results.views import View

TRUE_POSITIVE_RATES = (0.991, 0.993, 0.995, 0.997, 1.0)
OVERKILLS = (0.01, 0.05)
#: Costs of one escape and of one overkill, where nothing else is said.
ESCAPE_COST, OVERKILL_COST = 20.0, 1.0


def overkill_at(y: np.ndarray, score: np.ndarray, true_positive_rate: float) -> float:
    """Return the smallest overkill rate on the ROC curve where this share of the defects is found.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
    true_positive_rate : float
        Share of the defects that must be found, at least.

    Returns
    -------
    float
        NaN when a class is missing.
    """
    if len(np.unique(y)) < 2:
        return float("nan")
    from sklearn.metrics import roc_curve

    fpr, tpr, _ = roc_curve(y, score, drop_intermediate=False)
    return float(fpr[tpr >= true_positive_rate - 1e-12].min())


def escapes_at(y: np.ndarray, score: np.ndarray, overkill: float) -> float:
    """Return the smallest escape rate on the ROC curve where at most so much overkill occurs.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
    overkill : float
        Share of the good parts that may be called defective.

    Returns
    -------
    float
        NaN when a class is missing.
    """
    if len(np.unique(y)) < 2:
        return float("nan")
    from sklearn.metrics import roc_curve

    fpr, tpr, _ = roc_curve(y, score, drop_intermediate=False)
    return float(1 - tpr[fpr <= overkill + 1e-12].max())


def expected_cost(
    scored: Scored, escape_cost: float = ESCAPE_COST, overkill_cost: float = OVERKILL_COST
) -> float:
    """Return the mean cost per test image at the threshold that was cheapest on the valid split.

    Parameters
    ----------
    scored : Scored
    escape_cost, overkill_cost : float
        Of one image.

    Returns
    -------
    float
        NaN when the valid or the test split is empty.
    """
    if not scored.has_decisions:
        return float("nan")
    threshold = cheapest_threshold(scored.y_valid, scored.score_valid, escape_cost, overkill_cost)
    called = scored.score_test >= threshold
    escapes = ((scored.y_test == 1) & ~called).sum()
    overkills = ((scored.y_test == 0) & called).sum()
    return float((escape_cost * escapes + overkill_cost * overkills) / len(scored.y_test))


def _per_mille(share: float) -> str:
    return f"{round(1000 * share):03d}"


def _overkill(rate: float) -> Metric:
    return Metric(
        f"overkill_at_tpr_{_per_mille(rate)}_roc",
        f"Overkill at {100 * rate:g}% found (test ROC)",
        lambda scored: overkill_at(scored.y_test, scored.score_test, rate),
        higher_is_better=False,
        unit="%",
        digits=1,
        views=frozenset({View.INSPECTION}),
    )


def _escapes(overkill: float) -> Metric:
    return Metric(
        f"escapes_at_fpr_{_per_mille(overkill)}_roc",
        f"Escapes at {100 * overkill:g}% overkill (test ROC)",
        lambda scored: escapes_at(scored.y_test, scored.score_test, overkill),
        higher_is_better=False,
        unit="%",
        digits=1,
        views=frozenset({View.INSPECTION}),
    )


OVERKILL = tuple(_overkill(rate) for rate in TRUE_POSITIVE_RATES)
ESCAPES = tuple(_escapes(overkill) for overkill in OVERKILLS)
COST = Metric(
    "expected_cost", "Cost/part", expected_cost, higher_is_better=False,
    views=frozenset({View.INSPECTION, View.REPORT}),
)  # fmt: skip

"""Matthews' correlation coefficient."""

import math

from sklearn.metrics import matthews_corrcoef

from results.metrics.base import Metric, Scored


def matthews(scored: Scored) -> float:
    """Return the correlation of the decisions with the truth.

    It is 0 where one of them is constant, and NaN without images or decisions.

    References
    ----------
    Matthews, Comparison of the predicted and observed secondary structure of T4 phage lysozyme, 1975.
    """
    if not scored.has_decisions:
        return math.nan
    tn, fp, fn, tp = scored.confusion
    norm = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / norm if norm else 0.0


MATTHEWS = Metric(
    "matthews", "Matthews", matthews, reference=lambda s: matthews_corrcoef(s.y_test, s.predicted)
)

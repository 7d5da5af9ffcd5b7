"""Metrics of the ranking, without a threshold; NaN where the test split holds one class."""

from results.metrics.base import Metric, Scored
from results.views import SHOWN, View


def _roc_auc(scored: Scored) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(scored.y_test, scored.score_test)) if scored.has_both else float("nan")


def _average_precision(scored: Scored) -> float:
    from sklearn.metrics import average_precision_score

    if not scored.has_both:
        return float("nan")
    return float(average_precision_score(scored.y_test, scored.score_test))


ROC_AUC = Metric("roc_auc", "ROC AUC", _roc_auc, interval=True, views=SHOWN | {View.LEAD, View.BOUNDS})
AVERAGE_PRECISION = Metric(
    "average_precision", "AP", _average_precision, interval=True,
    views=frozenset({View.LEAD, View.TABLE, View.REPORT, View.TRACK}),
)  # fmt: skip

"""The registry of metrics: a new one is one function in one module and one entry here."""

from results.metrics import decisions, inspection, operating, probability, ranking
from results.metrics.base import Metric, Scored
from results.metrics.thresholds import choose_threshold, valid_threshold

_REGISTRY: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        ranking.ROC_AUC,
        decisions.ACCURACY,
        decisions.BALANCED_ACCURACY,
        ranking.AVERAGE_PRECISION,
        decisions.F1,
        *decisions.COUNTS,
        decisions.ESCAPE,
        decisions.OVERKILL,
        *inspection.OVERKILL,
        *inspection.ESCAPES,
        *operating.OPERATING,
        inspection.COST,
        probability.BRIER,
        probability.CALIBRATION_ERROR,
    )
}

__all__ = ["Metric", "Scored", "choose_threshold", "get_metric", "names", "valid_threshold"]


def names() -> list[str]:
    """Return the names of the metrics, in the order that tables show them."""
    return list(_REGISTRY)


def get_metric(name: str) -> Metric:
    """Return the metric of a name."""
    return _REGISTRY[name]

"""The registry of localisation metrics: a new one is one function in one module and one entry here."""

from results.metrics.localisation import energy, overlap, points
from results.metrics.localisation.base import Located, LocationMetric

_REGISTRY: dict[str, LocationMetric] = {
    metric.name: metric
    for metric in (
        points.POINTING,
        energy.ENERGY,
        energy.LIFT,
        points.DISTANCE,
        points.CENTRE_DISTANCE,
        overlap.IOU,
        points.BORDER,
    )
}

__all__ = ["Located", "LocationMetric", "get_metric", "names"]


def names() -> list[str]:
    """Return the names of the metrics of one image."""
    return list(_REGISTRY)


def get_metric(name: str) -> LocationMetric:
    """Return the metric of a name."""
    return _REGISTRY[name]

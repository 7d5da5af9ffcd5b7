"""Metrics of the decisions at the threshold chosen on the valid split."""

from results.metrics.base import Metric, Scored


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _accuracy(scored: Scored) -> float:
    tn, _, _, tp = scored.confusion
    return _ratio(tn + tp, len(scored.y_test))


def _balanced_accuracy(scored: Scored) -> float:
    tn, fp, fn, tp = scored.confusion
    return (_ratio(tn, tn + fp) + _ratio(tp, tp + fn)) / 2


def _f1(scored: Scored) -> float:
    _, fp, fn, tp = scored.confusion
    return _ratio(2 * tp, 2 * tp + fp + fn)


ACCURACY = Metric("accuracy", "Accuracy", _accuracy)
BALANCED_ACCURACY = Metric("balanced_accuracy", "Balanced acc.", _balanced_accuracy)
F1 = Metric("f1", "F1", _f1)
COUNTS = tuple(
    Metric(name, name.upper(), lambda scored, i=i: scored.confusion[i], None, integer=True)  # type: ignore[misc]
    for i, name in enumerate(("tn", "fp", "fn", "tp"))
)

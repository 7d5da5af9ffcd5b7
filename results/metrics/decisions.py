"""Metrics of the decisions at the threshold chosen on the valid split."""

from collections.abc import Callable

from results.metrics.base import Metric, Scored


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _accuracy(scored: Scored) -> float:
    tn, _, _, tp = scored.confusion
    return _ratio(tn + tp, len(scored.y_test)) if scored.has_decisions else float("nan")


def _balanced_accuracy(scored: Scored) -> float:
    tn, fp, fn, tp = scored.confusion
    known = scored.has_decisions and scored.has_both
    return (_ratio(tn, tn + fp) + _ratio(tp, tp + fn)) / 2 if known else float("nan")


def _f1(scored: Scored) -> float:
    _, fp, fn, tp = scored.confusion
    # Without a defect in the test split F1 says nothing, whatever is called.
    return _ratio(2 * tp, 2 * tp + fp + fn) if scored.has_decisions and fn + tp else float("nan")


def _count(number: int) -> Callable[[Scored], float]:
    return lambda scored: scored.confusion[number] if scored.has_decisions else float("nan")


ACCURACY = Metric("accuracy", "Accuracy", _accuracy)
BALANCED_ACCURACY = Metric("balanced_accuracy", "Balanced acc.", _balanced_accuracy)
F1 = Metric("f1", "F1", _f1)
COUNTS = tuple(
    Metric(name, name.upper(), _count(i), None, integer=True)
    for i, name in enumerate(("tn", "fp", "fn", "tp"))
)

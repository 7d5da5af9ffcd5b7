"""Metrics of the decisions at the threshold chosen on the valid split."""

from collections.abc import Callable

from results.metrics.base import Metric, Scored
from results.views import SHOWN, View


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


def _escape(scored: Scored) -> float:
    _, _, fn, tp = scored.confusion
    return _ratio(fn, fn + tp) if scored.has_decisions else float("nan")


def _overkill(scored: Scored) -> float:
    tn, fp, _, _ = scored.confusion
    return _ratio(fp, tn + fp) if scored.has_decisions else float("nan")


_RATE = frozenset({View.INSPECTION, View.REPORT})

ACCURACY = Metric(
    "accuracy", "Accuracy", _accuracy, interval=True,
    views=SHOWN | {View.LEAD, View.BOUNDS, View.EXPERIMENT},
)  # fmt: skip
BALANCED_ACCURACY = Metric(
    "balanced_accuracy", "Balanced acc.", _balanced_accuracy, interval=True,
    views=frozenset({View.LEAD, View.TABLE, View.TRACK}),
)  # fmt: skip
F1 = Metric("f1", "F1", _f1, interval=True, views=SHOWN | {View.LEAD})
COUNTS = tuple(
    Metric(name, name.upper(), _count(i), name[0] == "t", integer=True,
           views=frozenset({View.LEAD, View.EXPERIMENT}))
    for i, name in enumerate(("tn", "fp", "fn", "tp"))
)  # fmt: skip
ESCAPE = Metric(
    "escape", "Escapes", _escape, higher_is_better=False, unit="%", digits=1, interval=True, views=_RATE
)
OVERKILL = Metric(
    "overkill", "Overkill", _overkill, higher_is_better=False, unit="%", digits=1, interval=True, views=_RATE
)

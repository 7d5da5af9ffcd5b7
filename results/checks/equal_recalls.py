"""Recalls that are one and the same figure because the test split has too few defects."""

import math
from collections.abc import Iterator
from itertools import groupby, pairwise

from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity
from results.metrics.inspection import TRUE_POSITIVE_RATES
from results.notes import percent


def needed(rate: float, defects: int) -> int:
    """Return how many of the defects must be found for a recall.

    Examples
    --------
    >>> needed(0.997, 205), needed(1.0, 205), needed(0.997, 1000)
    (205, 205, 997)
    """
    return math.ceil(rate * defects - 1e-9)


def _find(data: RunData) -> Iterator[Finding]:
    if not data.rows:
        return
    defects = int((data.rows[0].part("test")[0] == 1).sum())
    if not defects:
        return
    alike = [list(rates) for _, rates in groupby(TRUE_POSITIVE_RATES, lambda rate: needed(rate, defects))]
    equal = [rates for rates in alike if len(rates) > 1]
    if not equal:
        return
    words = ["; ".join(" = ".join(map(percent, rates)) for rates in equal)]
    # Two recalls differ for certain where their difference is one defect at least.
    gap = min(high - low for rates in equal for low, high in pairwise(rates))
    enough = math.ceil(1 / gap - 1e-9)
    yield Finding(
        f"with {defects} test defects the overkill at these recalls is one figure: {words[0]} ({enough:,} "
        "defects tell all of them apart)",
        {"defects": defects, "defects_needed": enough},
    )


CHECK = Check(
    "DB202",
    "equal_recalls",
    Severity.INFO,
    "the test split holds a defect",
    "The columns of overkill at 99.1% to 100% recall repeat one figure. The last one depends on a single "
    "defect.",
    "Read one of the equal columns only; label more test defects before you promise such a recall.",
    _find,
)

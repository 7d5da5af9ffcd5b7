"""A wanted recall that the valid split cannot prove."""

from collections.abc import Iterator

from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity
from results.notes import percent


def _find(data: RunData) -> Iterator[Finding]:
    if not data.rows:
        return
    from results.metrics.operating import defects_needed, operating_point

    point = operating_point(data.scored(data.rows[0]))
    if point.is_provable or not point.proofs:
        return
    needed = defects_needed(point.wanted, point.confidence)
    unit = "groups with a defect" if data.rows[0].groups("valid") is not None else "defects"
    yield Finding(
        f"{point.proofs} independent valid {unit} prove a recall of at most "
        f"{percent(point.provable, below=point.wanted)} with {point.confidence:.0%} confidence; "
        f"{needed:.0f} are needed for {percent(point.wanted)}",
        {"proofs": point.proofs, "provable_recall": point.provable, "needed": needed},
    )


CHECK = Check(
    "DB203",
    "recall_not_provable",
    Severity.WARNING,
    "the valid split holds a defect",
    "The operating point is that of the largest recall that can be proved. A higher recall may be reached, "
    "but nothing in this run shows it.",
    "Collect defects for the valid split, or accept the recall that is proved.",
    _find,
)

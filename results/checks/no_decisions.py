"""Rows that decide nothing."""

from collections.abc import Iterator

from results.cautions import row_cautions
from results.checks.base.data import RunData, named
from results.checks.base.spec import Check, Finding, Severity


def _find(data: RunData) -> Iterator[Finding]:
    for row in data.rows:
        cautions = row_cautions(data.scored(row))
        if cautions:
            yield Finding(f"{named(row.key)}: {' and '.join(cautions)}")


CHECK = Check(
    "DB406",
    "no_decisions",
    Severity.WARNING,
    "always",
    "The row is no detector at its threshold, however well it ranks; accuracy and F1 of such a row mislead.",
    "Look at its training (tables, figures, history); do not use the row.",
    _find,
)

"""Findings as a table and as text."""

from collections.abc import Collection, Iterable

import pandas as pd

from results.checks.base.data import RunData
from results.checks.base.spec import Check, Severity

COLUMNS = ["code", "severity", "check", "finding", "remedy", "figures"]


def findings_table(checks: Iterable[Check], data: RunData) -> pd.DataFrame:
    """Return what checks find in a run, the most serious findings first.

    Parameters
    ----------
    checks : iterable of Check
    data : RunData

    Returns
    -------
    DataFrame
        The columns `COLUMNS`, all of them text; no row where nothing is found.
    """
    rows = [
        (
            check.code,
            str(finding.severity or check.severity),
            check.name,
            finding.text,
            check.remedy,
            "; ".join(f"{name}={value:.6g}" for name, value in finding.figures.items()),
        )
        for check in checks
        for finding in check.find(data)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS, dtype=str)
    order = table["severity"].map(lambda word: Severity(word).rank).astype(int)
    return table.assign(_order=order).sort_values(["_order", "code"], kind="stable", ignore_index=True)[
        COLUMNS
    ]


def without(table: pd.DataFrame, ignored: Collection[str]) -> pd.DataFrame:
    """Return the findings whose code is not ignored."""
    return table[~table["code"].isin(list(ignored))].reset_index(drop=True)


def has_errors(table: pd.DataFrame) -> bool:
    """Return whether a finding is an error."""
    return bool((table["severity"] == Severity.ERROR).any())


def lines_of(table: pd.DataFrame) -> list[tuple[Severity, str]]:
    """Return findings as lines for a terminal, one per check.

    Parameters
    ----------
    table : DataFrame
        As `findings_table`.

    Returns
    -------
    list of (Severity, str)
        Errors and warnings with code, first finding, and remedy; all notes (`info`) in one last line.
    """
    lines: list[tuple[Severity, str]] = []
    for (severity, code), part in table.groupby(["severity", "code"], sort=False):
        if severity == Severity.INFO:
            continue
        more = f" (and {len(part) - 1} more)" if len(part) > 1 else ""
        first = part.iloc[0]
        lines.append(
            (Severity(str(severity)), f"{code} {severity}: {first['finding']}{more}. {first['remedy']}")
        )
    notes = table[table["severity"] == Severity.INFO].drop_duplicates("code")
    if len(notes):
        words = [f"{row.code} ({str(row.check).replace('_', ' ')})" for row in notes.itertuples()]
        lines.append((Severity.INFO, f"notes in tables/checks.csv: {', '.join(words)}"))
    return lines

"""Findings as a table and as text."""

from collections.abc import Collection, Iterable

import pandas as pd

from results.checks.base.spec import CheckResult, Severity

COLUMNS = ["code", "severity", "check", "finding", "remedy", "figures"]


def findings_table(results: Iterable[CheckResult]) -> pd.DataFrame:
    """Return what checks have found in a run, the most serious findings first.

    Parameters
    ----------
    results : iterable of CheckResult

    Returns
    -------
    DataFrame
        The columns `COLUMNS`, all of them text. The last rows, of severity `unchecked`, say what the run has
        not saved. No row where all was checked and nothing was found.
    """
    rows = [
        (
            result.check.code,
            str(finding.severity or result.check.severity),
            result.check.name,
            finding.text,
            "" if finding.severity is Severity.UNCHECKED else result.check.remedy,
            "; ".join(f"{name}={value:.6g}" for name, value in finding.figures.items()),
        )
        for result in results
        for finding in result.findings
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


def found(table: pd.DataFrame) -> pd.DataFrame:
    """Return the findings without the rows that say what was not checked."""
    return table[table["severity"] != Severity.UNCHECKED].reset_index(drop=True)


def unchecked_lines(table: pd.DataFrame) -> list[str]:
    """Return a line for each check that had nothing to look at, or not all of it.

    Parameters
    ----------
    table : DataFrame
        As `findings_table`.
    """
    rows = table[table["severity"] == Severity.UNCHECKED]
    return [f"{row.code} {str(row.check).replace('_', ' ')} {row.finding}" for row in rows.itertuples()]


def lines_of(table: pd.DataFrame) -> list[tuple[Severity, str]]:
    """Return findings as lines for a terminal, one per check.

    Parameters
    ----------
    table : DataFrame
        As `findings_table`.

    Returns
    -------
    list of (Severity, str)
        Errors and warnings with code, first finding, and remedy; the codes of all notes (`info`), and of
        what was not checked, in one line each.
    """
    lines: list[tuple[Severity, str]] = []
    for (severity, code), part in table.groupby(["severity", "code"], sort=False):
        if severity in (Severity.INFO, Severity.UNCHECKED):
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
    unchecked = table[table["severity"] == Severity.UNCHECKED].drop_duplicates("code")
    if len(unchecked):
        codes = ", ".join(unchecked["code"])
        text = f"not checked, or only in part, because the run has not saved the data: {codes}"
        lines.append((Severity.UNCHECKED, text))
    return lines

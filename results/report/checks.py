"""The panel of checks at the top of the report."""

import html
import re

import pandas as pd

from results.checks import Severity, codes, found, get_check, unchecked_lines

#: Findings of one check that the panel names; the table has all of them.
MAX_TEXTS = 4
_WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def checks_panel(findings: pd.DataFrame) -> str:
    """Return the findings of a run as HTML, each with what it means and a remedy.

    Parameters
    ----------
    findings : DataFrame
        As `results.checks.check_run`.

    Returns
    -------
    str
        A folded list that is open where there are errors or warnings. What was not checked follows.
    """
    unchecked = _unchecked(unchecked_lines(findings))
    findings = found(findings)
    if findings.empty:
        return f"<p class='note'>Checks: none of {len(codes())} checks found anything.</p>{unchecked}"
    counts = findings.drop_duplicates(["severity", "code"])["severity"].value_counts()
    said = ", ".join(
        f"{counts[word]} {title}{'s' if counts[word] != 1 else ''}"
        for word, title in _WORDS.items()
        if word in counts
    )
    opened = " open" if counts.index.isin([Severity.ERROR, Severity.WARNING]).any() else ""
    items = "".join(
        _item(str(code), Severity(str(severity)), part["finding"].tolist())
        for (severity, code), part in findings.groupby(["severity", "code"], sort=False)
    )
    return f"<details{opened}><summary>Checks: {said}</summary><ul>{items}</ul></details>{unchecked}"


def _unchecked(lines: list[str]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    title = "Not checked, or only in part, because the run has not saved the data"
    return f"<details class='note'><summary>{title}</summary><ul>{items}</ul></details>"


def _with_code(text: str) -> str:
    """Return a text as HTML, with commands between backticks as code."""
    return re.sub("`(.+?)`", r"<code>\1</code>", html.escape(text))


def _item(code: str, severity: Severity, texts: list[str]) -> str:
    check = get_check(code)
    more = [f"{len(texts) - MAX_TEXTS} more in tables/checks.csv"] if len(texts) > MAX_TEXTS else []
    lines = "".join(f"<div>{html.escape(text)}</div>" for text in [*texts[:MAX_TEXTS], *more])
    name = f"{code} {check.name.replace('_', ' ')}"
    return (
        f"<li class='{severity}'><strong>{html.escape(name)}</strong> <em>{_WORDS[severity]}</em>{lines}"
        f"<div class='note'>{_with_code(check.meaning)} {_with_code(check.remedy)}</div></li>"
    )

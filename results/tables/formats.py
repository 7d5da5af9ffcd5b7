"""The leaderboard as people read it: terminal, CSV, Markdown, LaTeX, HTML."""

import html
from collections.abc import Callable, Hashable
from typing import Any

import pandas as pd
from rich.table import Table

from results import metrics
from results.errors import PredictionsError
from results.intervals import best_note
from results.leaderboard import DONE

_TITLES = {
    "model": "Model", "features": "Features", "weights": "Weights", "split": "Split",
    "n_test": "n", "fit_seconds": "Fit s", "predict_us": "µs/image", "status": "Status",
    "caution": "Caution",
}  # fmt: skip
_SHOWN = [
    "model", "features", "weights", "roc_auc", "accuracy", "balanced_accuracy",
    "average_precision", "f1", "confusion", "fit_seconds", "predict_us", "status",
]  # fmt: skip
NARROW = 150
WIDE = 230
PUBLISHED_TITLE = "Published figures for {}, not measured here (other splits and protocols)"
_PUBLISHED_TEXT = ("source", "model", "features", "protocol")
_LEFT_OUT_WHEN_NARROW = ("balanced_accuracy", "average_precision", "confusion", "fit_seconds")
_TEXT = ("Model", "Features", "Weights", "Split", "Status", "Caution")
_WITH_INTERVAL = ("roc_auc", "accuracy")
_DIGITS = {"fit_seconds": 1, "predict_us": 0, "threshold": 3}


def to_rich(table: pd.DataFrame, title: str = "", width: int = 200) -> Table:
    """Return the leaderboard as a rich table; under 150 characters it leaves some columns out."""
    shown = for_people(table, intervals=width >= WIDE)
    if width < NARROW:
        shown = shown.drop(columns=[_title(name) for name in _LEFT_OUT_WHEN_NARROW])
    rich = Table(title=title, title_justify="left", header_style="bold")
    for column in map(str, shown):
        text = column in _TEXT
        rich.add_column(
            column, justify="left" if text else "right", no_wrap=column not in ("Status", "Caution")
        )
    best = _best(table)
    for row, bold in zip(shown.itertuples(index=False), best, strict=True):
        rich.add_row(*(str(cell) for cell in row), style="bold" if bold else None)
    if best.any():
        rich.caption = best_note(table)
        rich.caption_justify = "left"
    return rich


def to_csv(table: pd.DataFrame) -> str:
    """Return the leaderboard as CSV with every digit that matters."""
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def to_markdown(table: pd.DataFrame) -> str:
    """Return the leaderboard as a Markdown table; the best rows are bold."""
    shown = for_people(table).map(lambda cell: str(cell).replace("|", "\\|"))
    shown.iloc[:, 0] = [
        f"**{cell}**" if best else cell for cell, best in zip(shown.iloc[:, 0], _best(table), strict=True)
    ]
    return frame_to_markdown(shown) + (f"\n{best_note(table)}\n" if _best(table).any() else "")


def frame_to_markdown(shown: pd.DataFrame) -> str:
    """Return a table of texts as Markdown."""
    lines = [
        "| " + " | ".join(map(str, shown.columns)) + " |",
        "|" + "|".join(" --- " for _ in shown.columns) + "|",
        *("| " + " | ".join(map(str, row)) + " |" for row in shown.itertuples(index=False)),
    ]
    return "\n".join(lines) + "\n"


def to_latex(table: pd.DataFrame) -> str:
    """Return the leaderboard as a LaTeX `tabular` with booktabs rules."""
    shown = for_people(table)
    columns = "".join("l" if name in _TEXT else "r" for name in shown)
    lines = [r"\begin{tabular}{" + columns + "}", r"\toprule"]
    lines += [" & ".join(map(_latex, map(str, shown.columns))) + r" \\", r"\midrule"]
    for row, best in zip(shown.itertuples(index=False), _best(table), strict=True):
        cells = [_latex(str(cell)) for cell in row]
        lines.append(" & ".join([rf"\textbf{{{cells[0]}}}" if best else cells[0], *cells[1:]]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def to_html(table: pd.DataFrame) -> str:
    """Return the leaderboard as an HTML table, every text escaped."""
    shown = for_people(table)
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in shown)
    lines = ["<table>", f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    for row, best in zip(shown.itertuples(index=False), _best(table), strict=True):
        cells = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row)
        lines.append(f'<tr class="best">{cells}</tr>' if best else f"<tr>{cells}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>"]) + "\n"


def for_people(table: pd.DataFrame, intervals: bool = True) -> pd.DataFrame:
    """Round, merge the four counts into one column, and drop columns that say one thing only.

    Parameters
    ----------
    table : DataFrame
        A leaderboard.
    intervals : bool
        Whether figures are followed by their 95 % interval.

    Returns
    -------
    DataFrame of str
        Headings for people.
    """
    table = table.copy()
    table["confusion"] = [_confusion(row) for row in table.to_dict("records")]
    extra = [c for c in ("split", "preprocess", "sampling", "repeat") if _varies(table, c)]
    columns = [*_SHOWN[:3], *extra, *_SHOWN[3:]]
    if (table["status"] == DONE).all():
        columns.remove("status")
    if "caution" in table and table["caution"].fillna("").ne("").any():
        columns.append("caution")
    shown = pd.DataFrame({name: table[name].map(_formatter(name)) for name in columns})
    for name in _WITH_INTERVAL if intervals else ():
        if f"{name}_low" in table:
            bounds = zip(table[f"{name}_low"], table[f"{name}_high"], strict=True)
            shown[name] = [
                f"{cell} [{low:.3f}, {high:.3f}]" if cell and low == low else cell
                for cell, (low, high) in zip(shown[name], bounds, strict=True)
            ]
    return shown.rename(columns=_title)


def sort_by(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Sort a leaderboard by any column, the better end first; `-COLUMN` turns it round.

    Raises
    ------
    PredictionsError
        When there is no such column.
    """
    name = column.removeprefix("-")
    if name not in table:
        raise PredictionsError(f"no column {name!r} to sort by; there are: {', '.join(map(str, table))}")
    known = metrics.get_metric(name).higher_is_better if name in metrics.names() else False
    ascending = not known if not column.startswith("-") else bool(known)
    # A row that finds no defect is no winner, however accurate it is.
    last = pd.Series(False, table.index)
    if known and not ascending and {"tp", "fn"} <= set(table):
        last = ((table["tp"] == 0) & (table["fn"] > 0)).fillna(False).astype(bool)
    order = table.assign(_last=last).sort_values(
        ["_last", name], ascending=[True, ascending], na_position="last", kind="stable", ignore_index=True
    )
    return order.drop(columns="_last")


def plain_to_rich(table: pd.DataFrame, title: str = "") -> Table:
    """Return any table as a rich one: numbers to the right, three digits."""
    rich = Table(title=title, title_justify="left", header_style="bold")
    for name in table:
        number = pd.api.types.is_numeric_dtype(table[name])
        rich.add_column(str(name), justify="right" if number else "left")
    for row in table.map(lambda cell: _formatter("")(cell)).itertuples(index=False):
        rich.add_row(*row)
    return rich


def published_to_rich(published: pd.DataFrame, dataset: str) -> Table:
    """Return published figures as a table of their own."""
    rich = Table(title=PUBLISHED_TITLE.format(dataset), title_justify="left", header_style="italic")
    for name in published:
        rich.add_column(_title(str(name)).capitalize() if name in _PUBLISHED_TEXT else _title(str(name)))
    for row in published.map(_published_cell).itertuples(index=False):
        rich.add_row(*row, style="dim")
    return rich


def published_to_markdown(published: pd.DataFrame, dataset: str) -> str:
    """Return published figures as a Markdown table under a heading of its own."""
    shown = published.map(_published_cell).rename(columns=_title)
    return f"{PUBLISHED_TITLE.format(dataset)}\n\n{frame_to_markdown(shown)}"


def _published_cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _best(table: pd.DataFrame) -> pd.Series:
    return table["best"].fillna(False).astype(bool) if "best" in table else pd.Series(False, table.index)


def _latex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, "\\" + c if c in "&%$#_{}" else c) for c in text)


def _varies(table: pd.DataFrame, column: str) -> bool:
    return column in table and table[column].dropna().nunique() > 1


def _title(name: str) -> str:
    if name == "confusion":
        return "TN FP / FN TP (% of class)"
    return _TITLES.get(name) or (metrics.get_metric(name).title if name in metrics.names() else name)


def _formatter(name: str) -> Callable[[object], str]:
    def show(value: object) -> str:
        if pd.isna(value):  # type: ignore[call-overload]
            return ""
        if isinstance(value, float):
            return f"{value:.{_DIGITS.get(name, 3)}f}"
        return str(value)

    return show


def _confusion(row: dict[Hashable, Any]) -> str:
    counts = [row[name] for name in ("tn", "fp", "fn", "tp")]
    if any(pd.isna(count) for count in counts):
        return ""
    tn, fp, fn, tp = (int(count) for count in counts)
    good, bad = max(tn + fp, 1), max(fn + tp, 1)
    return f"{tn} {fp} / {fn} {tp} ({tn / good:.0%} {fp / good:.0%} / {fn / bad:.0%} {tp / bad:.0%})"

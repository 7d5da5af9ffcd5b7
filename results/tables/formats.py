"""The formats that tables are written in: CSV, Markdown, LaTeX, HTML, terminal."""

import html
import re
from collections.abc import Callable, Iterable

import pandas as pd
from rich.table import Table
from rich.text import Text

from results.tables.shown import Shown, present
from results.views import View

NARROW = 150
WIDE = 230
_MARKDOWN = re.compile(r"[\\|<`*\[\]$~]")
_LATEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}", "\n": " ",
    **{character: "\\" + character for character in "&%$#_{}"},
}  # fmt: skip


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV with every digit that matters."""
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def to_markdown(shown: Shown) -> str:
    """Return a table as Markdown; the best rows are bold, and no text is taken for markup."""
    lines = [_line(map(_one_line, shown.headings)), "|" + "|".join(" --- " for _ in shown.headings) + "|"]
    for row, best in zip(shown.rows, shown.best, strict=True):
        cells = [_markdown(cell, text) for cell, text in zip(row, shown.text, strict=True)]
        lines.append(_line([f"**{cells[0]}**" if best else cells[0], *cells[1:]]))
    return "\n".join(lines) + "\n" + (f"\n{shown.note}\n" if shown.note else "")


def to_latex(shown: Shown) -> str:
    """Return a table as a LaTeX `tabular` with booktabs rules, every text literal."""
    columns = "".join("l" if text else "r" for text in shown.text)
    lines = [r"\begin{tabular}{" + columns + "}", r"\toprule"]
    lines += [" & ".join(map(_latex, shown.headings)) + r" \\", r"\midrule"]
    for row, best in zip(shown.rows, shown.best, strict=True):
        first, *cells = map(_latex, row)
        first = rf"\textbf{{{first}}}" if best else first
        # LaTeX takes a bracket or a star after the end of a row for an argument of it.
        first = "{}" + first if first[:1] in ("[", "*") else first
        lines.append(" & ".join([first, *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def to_html(shown: Shown) -> str:
    """Return a table as HTML, every text escaped."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in shown.headings)
    lines = ["<table>", f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    for row, best in zip(shown.rows, shown.best, strict=True):
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
        lines.append(f'<tr class="best">{cells}</tr>' if best else f"<tr>{cells}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>"]) + "\n"


def to_rich(shown: Shown, title: str = "", *, quiet: bool = False) -> Table:
    """Return a table for the terminal; every text is literal, never rich's markup.

    Parameters
    ----------
    shown : Shown
    title : str
    quiet : bool
        Whether the table stands back behind another one.
    """
    rich = Table(title=Text(title) if title else None, title_justify="left",
                 header_style="italic" if quiet else "bold")  # fmt: skip
    wraps = shown.wraps or [False] * len(shown.headings)
    for heading, text, wrap in zip(shown.headings, shown.text, wraps, strict=True):
        rich.add_column(Text(heading), justify="left" if text else "right", no_wrap=not wrap)
    for row, best in zip(shown.rows, shown.best, strict=True):
        rich.add_row(*map(Text, row), style="bold" if best else "dim" if quiet else None)
    if shown.note:
        rich.caption, rich.caption_justify = Text(shown.note), "left"
    return rich


def leaderboard_to_rich(board: pd.DataFrame, title: str, width: int) -> Table:
    """Return the leaderboard for a terminal of a width in characters; a narrow one gets fewer columns."""
    view = View.NARROW if width < NARROW else View.TABLE
    return to_rich(present(board, view, intervals=width >= WIDE), title)


#: Writers of texts by the name of their format.
WRITERS: dict[str, Callable[[Shown], str]] = {"markdown": to_markdown, "latex": to_latex, "html": to_html}


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _one_line(text: str) -> str:
    return " ".join(text.splitlines()) if len(text.splitlines()) > 1 else text


def _markdown(cell: str, text: bool) -> str:
    if not text:
        return _one_line(cell).replace("|", "\\|")
    escaped = _MARKDOWN.sub(lambda found: "\\" + found[0], _one_line(cell))
    # An underscore inside a word is literal in Markdown, one at its edge is not.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", escaped)


def _latex(text: str) -> str:
    escaped = "".join(_LATEX.get(character, character) for character in text)
    return escaped.replace("--", "-{}-")

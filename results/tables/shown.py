"""A table as people read it: texts, headings, and which rows are best."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from results import metrics
from results.columns import CAUTION, CONFUSION, STATUS, Column, get_column, in_view
from results.errors import PredictionsError
from results.notes import best_note
from results.status import Status
from results.views import View

PUBLISHED_TITLE = "Published figures for {}, not measured here (other splits and protocols)"
NOTHING_PUBLISHED = "No published figures are known for {}."


@dataclass(frozen=True, eq=False)
class Shown:
    """A table of texts, ready for any writer of `results.tables.formats`.

    Parameters
    ----------
    headings : sequence of str
    rows : sequence of sequence of str
        One text for each heading.
    text : sequence of bool
        Which columns hold words; numbers are aligned to the right.
    best : sequence of bool
        Rows that stand out.
    note : str
        Says below the table what standing out means; empty where no row does.
    wraps : sequence of bool
        Columns whose words may break into several lines in a terminal.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: Sequence[bool]
    best: Sequence[bool]
    note: str = ""
    wraps: Sequence[bool] = ()


def present(board: pd.DataFrame, view: View = View.TABLE, *, intervals: bool = True) -> Shown:
    """Return a leaderboard for people: rounded, the four counts in one column.

    Parameters
    ----------
    board : DataFrame
        As `results.leaderboard.leaderboard`.
    view : View
        The columns to show. The status is left out when every row is finished.
    intervals : bool
        Whether values with `View.BOUNDS` are followed by their 95% interval.

    Returns
    -------
    Shown
    """
    chosen = [c for c in in_view(view, board) if c.name in board or c is CONFUSION]
    if (board["status"] == Status.OK).all():
        chosen.remove(STATUS)
    records = board.to_dict("records")
    best = [record.get("best") is True for record in records]
    return Shown(
        [column.title for column in chosen],
        [[_cell(record, column, intervals) for column in chosen] for record in records],
        [column.is_text for column in chosen],
        best,
        best_note(board) if any(best) else "",
        [column.name in (STATUS.name, CAUTION.name) for column in chosen],
    )


def plain(table: pd.DataFrame, *, titles: bool = False) -> Shown:
    """Return any other table for people: numbers with four digits that count.

    Parameters
    ----------
    table : DataFrame
    titles : bool
        Whether headings are the columns' titles; their names, as in the CSV file, by default.
    """
    return Shown(
        [_title(str(name)) if titles else str(name) for name in table],
        [[_digits(value) for value in row] for row in table.itertuples(index=False)],
        [not pd.api.types.is_numeric_dtype(table[name]) for name in table],
        [False] * len(table),
        wraps=[True] * table.shape[1],
    )


def _title(name: str) -> str:
    """Return a column's title; of a column that has none its name, as people write it."""
    title = get_column(name).title
    words = title.replace("_", " ")
    return words[:1].upper() + words[1:] if title == name else title


def sort_by(board: pd.DataFrame, column: str) -> pd.DataFrame:
    """Sort a leaderboard by any column, the better end first; `-COLUMN` reverses the order.

    Columns without a better end, such as names, are sorted in ascending order. Rows without a value
    come last.

    Raises
    ------
    PredictionsError
        When there is no such column.

    Examples
    --------
    >>> board = pd.DataFrame({"images_per_second_1": [20.0, 90.0]})
    >>> sort_by(board, "images_per_second_1")["images_per_second_1"].tolist()
    [90.0, 20.0]
    """
    name = column.removeprefix("-")
    if name not in board:
        raise PredictionsError(f"no column {name!r} to sort by; there are: {', '.join(map(str, board))}")
    ascending = not get_column(name).higher_is_better
    if column.startswith("-"):
        ascending = not ascending
    # A row that finds no defect is no winner, however accurate it is and however few good parts it rejects.
    last = pd.Series(False, board.index)
    if not column.startswith("-") and name in metrics.names() and {"tp", "fn"} <= set(board):
        last = ((board["tp"] == 0) & (board["fn"] > 0)).fillna(False).astype(bool)
    ordered = board.assign(_last=last).sort_values(
        ["_last", name], ascending=[True, ascending], na_position="last", kind="stable", ignore_index=True
    )
    return ordered.drop(columns="_last")


def _cell(record: dict[Hashable, Any], column: Column, intervals: bool) -> str:
    if column is CONFUSION:
        return _confusion(record)
    cell = column.show(record[column.name])
    low, high = (record.get(bound) for bound in column.bounds)
    if not (intervals and cell and View.BOUNDS in column.views) or pd.isna(low) or pd.isna(high):
        return cell
    return f"{cell} [{column.show(low)}, {column.show(high)}]"


def _confusion(record: dict[Hashable, Any]) -> str:
    counts = [record[name] for name in ("tn", "fp", "fn", "tp")]
    if any(pd.isna(count) for count in counts):
        return ""
    tn, fp, fn, tp = (int(count) for count in counts)
    good, bad = max(tn + fp, 1), max(fn + tp, 1)
    return f"{tn} {fp} / {fn} {tp} ({tn / good:.0%} {fp / good:.0%} / {fn / bad:.0%} {tp / bad:.0%})"


def _digits(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:.0f}"
    return str(value)

"""Many rows that are compared on one test split."""

from collections.abc import Iterator

from results.checks.base.data import RunData, named
from results.checks.base.spec import Check, Finding, Severity
from results.columns import RANKING

MAX_ROWS = 20


def _find(data: RunData) -> Iterator[Finding]:
    board = data.finished
    if len(board) <= MAX_ROWS:
        return
    tied = board[board["best"].eq(True)].sort_values(RANKING, ascending=False, kind="stable")
    text = f"{len(board)} rows are compared on one test split"
    figures: dict[str, float] = {"rows": len(board), "tied": len(tied)}
    if len(tied) == 1:
        text += f"; all others differ significantly from the first, {named(tied.iloc[0].to_dict())}"
    elif len(tied):
        low, high = float(tied[RANKING].min()), float(tied[RANKING].max())
        text += (
            f"; {len(tied)} of them, from {low:.3f} to {high:.3f}, do not differ significantly from the first"
        )
        figures |= {"low": low, "high": high}
    yield Finding(text, figures)


CHECK = Check(
    "DB405",
    "many_rows",
    Severity.INFO,
    f"more than {MAX_ROWS} rows are finished",
    "The first of many rows is partly first by chance, and its figure is too good. Read the bold rows as a "
    "band of ties instead of a winner.",
    "Choose a row of the band by cost, or confirm the first one on new images or with --repeats.",
    _find,
)

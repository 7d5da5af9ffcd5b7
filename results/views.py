"""The tables and pages that a column can appear in."""

from enum import StrEnum


class View(StrEnum):
    """One place where columns of the leaderboard are shown.

    Attributes
    ----------
    LEAD
        `leaderboard.csv` begins with these columns; all others follow.
    TABLE
        The leaderboard as text: wide terminal, Markdown, LaTeX, HTML.
    NARROW
        A terminal of less than 150 characters.
    BOUNDS
        The 95% interval follows the value in `TABLE`.
    VARYING
        Added to `TABLE`, `NARROW` and `REPORT` when the rows hold different values.
    FILLED
        Added to these when a row has a value.
    REPORT
        The leaderboard of the HTML report.
    INSPECTION, COST
        The tables of these names.
    TRACK
        Logged to MLflow.
    EXPERIMENT
        The table of `defectbench tune` and `ablate`.
    """

    LEAD = "lead"
    TABLE = "table"
    NARROW = "narrow"
    BOUNDS = "bounds"
    VARYING = "varying"
    FILLED = "filled"
    REPORT = "report"
    INSPECTION = "inspection"
    COST = "cost"
    TRACK = "track"
    EXPERIMENT = "experiment"


#: Where a column appears when nothing else is said.
SHOWN = frozenset({View.TABLE, View.NARROW, View.REPORT, View.TRACK})

"""The searches for DARTS cells over their epochs."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from results.figures.base.spec import FigureSpec
from results.figures.base.style import house_style

_CELLS = (("normal", "-"), ("reduce", "--"))
#: Panels: prefix of the columns, label of the axis, and whether it has a curve for each kind of cell.
_PANELS = (
    ("entropy", "mean entropy of alpha (nats)", True),
    ("skips", "skip connections in the cell", True),
    ("valid_loss", "valid loss (architecture half)", False),
)


def search_history_figure(searches: pd.DataFrame) -> Figure | None:
    """Draw the entropy of alpha, the skip connections and the valid loss of each search.

    Parameters
    ----------
    searches : DataFrame
        Columns `cell`, `epoch`, `entropy_normal`, `entropy_reduce`, `skips_normal`, `skips_reduce` and
        `valid_loss`, one row per search and epoch.

    Returns
    -------
    Figure
        One colour per search; None without searches.
    """
    if searches.empty:
        return None
    with house_style():
        figure = Figure(figsize=(10.5, 3.6))
        axes = figure.subplots(1, len(_PANELS))
        for ax, (prefix, label, both) in zip(axes, _PANELS, strict=True):
            _draw(ax, searches, prefix, both)
            ax.set(xlabel="epoch of the search", ylabel=label)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[1].yaxis.set_major_locator(MaxNLocator(integer=True))
        axes[1].set_ylim(bottom=-0.2)
        for _, line in _CELLS:
            axes[0].plot([], [], line, color="black")
        names = [f"{kind} cell" for kind in ("normal", "reduction")]
        axes[0].legend(axes[0].get_lines()[-2:], names, loc="best")
        axes[2].legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure


def _draw(ax: Axes, searches: pd.DataFrame, prefix: str, both: bool) -> None:
    # One epoch is a point, not a line.
    marker = "o" if searches["epoch"].nunique() == 1 else ""
    for number, (cell, rows) in enumerate(searches.groupby("cell", sort=False)):
        for kind, line in _CELLS if both else (("", "-"),):
            column = f"{prefix}_{kind}" if kind else prefix
            ax.plot(rows["epoch"], rows[column], line, marker=marker, color=f"C{number % 8}", label=str(cell))


FIGURE = FigureSpec(
    "search_history",
    "Searches for DARTS cells",
    lambda view: search_history_figure(view.searches),
    needs="searches",
)

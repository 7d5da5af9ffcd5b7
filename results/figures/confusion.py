"""Confusion matrices side by side, counts and shares of each true class."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results.feature_set import FeatureSet
from results.figures.base.spec import FigureSpec, RunView
from results.figures.base.style import house_style, wrapped
from results.status import Status

MOST_COLUMNS = 6


def confusions_figure(counts: Mapping[str, tuple[int, int, int, int]]) -> Figure:
    """Draw one two-by-two matrix for each model.

    Parameters
    ----------
    counts : mapping of title to (tn, fp, fn, tp)
        At least one.

    Returns
    -------
    Figure
    """
    columns = max(1, min(len(counts), MOST_COLUMNS))
    rows = max(1, -(-len(counts) // columns))
    with house_style():
        figure = Figure(figsize=(2.3 * columns, 2.5 * rows))
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, (title, cells) in zip(axes.flat, counts.items(), strict=False):
            ax.set_axis_on()
            _draw(ax, title, np.array(cells, float).reshape(2, 2))
    return figure


def _draw(ax: Axes, title: str, matrix: np.ndarray) -> None:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = (("good, passed", "overkill"), ("escape", "defect, found"))
    for (row, column), share in np.ndenumerate(shares):
        text = f"{names[row][column]}\n{matrix[row, column]:,.0f}\n{share:.1%}"
        color = "white" if share > 0.6 else "black"
        ax.text(column, row, text, ha="center", va="center", fontsize=7, color=color)
    ax.set_title(wrapped(title, 26), fontsize=8)
    ax.set_xticks([0, 1], ["good", "defect"])
    ax.set_yticks([0, 1], ["good", "defect"], rotation=90, va="center")
    ax.set_xlabel("called", fontsize=7)
    ax.set_ylabel("is", fontsize=7)
    ax.grid(False)
    ax.tick_params(length=0, labelsize=7)


def confusions(table: pd.DataFrame) -> dict[str, tuple[int, int, int, int]]:
    """Return the counts (tn, fp, fn, tp) of each finished row of a leaderboard by its name."""
    found = {}
    for row in table[table["status"] == Status.OK].dropna(subset=["tn"]).to_dict("records"):
        name = f"{row['model']}\n{FeatureSet.of(row).title}"
        if row["sampling"] != "all":
            name += f", {row['sampling']}"
        found[name] = (row["tn"], row["fp"], row["fn"], row["tp"])
    return found


def _of_run(view: RunView) -> Figure | None:
    counts = confusions(view.leaderboard)
    return confusions_figure(counts) if counts else None


FIGURE = FigureSpec("confusion", "Confusion matrices", _of_run)

"""What a better AUC costs: time per image, and time to train."""

import numpy as np
import pandas as pd
from adjustText import adjust_text
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from results.feature_set import FeatureSet
from results.figures.base.fonts import use_fonts_for
from results.figures.base.spec import FigureSpec
from results.figures.base.style import house_style, wrapped
from results.predictions import FEATURE_SET
from results.status import Status

_COSTS = {"predict_us": ("ms per image", 1e-3), "fit_seconds": ("seconds to search and train", 1.0)}
#: Most rows that are named in one panel.
_NAMED = 5
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def pareto_figure(leaderboard: pd.DataFrame) -> Figure:
    """Draw ROC AUC against each cost, with the rows that no other beats in both joined.

    Parameters
    ----------
    leaderboard : DataFrame
        As `results.leaderboard.leaderboard` returns it.

    Returns
    -------
    Figure
    """
    scored = (leaderboard["status"] == Status.OK) & leaderboard["roc_auc"].notna()
    table = leaderboard[scored].reset_index(drop=True)
    names = [FeatureSet(*map(str, key)).title for key in table[FEATURE_SET].itertuples(index=False)]
    with house_style():
        figure = Figure(figsize=(10.5, 4.4))
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (column, (title, scale)) in zip(axes, _COSTS.items(), strict=True):
            _draw(ax, table.assign(cost=table[column].astype(float) * scale, feature_set=names))
            ax.set(xscale="log", xlabel=title)
        axes[0].set_ylabel("ROC AUC, test split")
        handles, labels = axes[0].get_legend_handles_labels()
        titles = [wrapped(label, 28) for label in labels]
        figure.legend(handles, titles, loc="outside right upper", title="features")
        # Labels are placed on the axes as they will be drawn.
        use_fonts_for(figure)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for ax in axes:
            _part(ax)
    return figure


def on_front(cost: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return which points no other point beats.

    Parameters
    ----------
    cost : float array, shape (n,)
        Lower is better.
    value : float array, shape (n,)
        Higher is better.

    Returns
    -------
    bool array, shape (n,)
    """
    better = (cost[None] <= cost[:, None]) & (value[None] >= value[:, None])
    strictly = (cost[None] < cost[:, None]) | (value[None] > value[:, None])
    return np.logical_not(np.any(better & strictly, axis=1))


def _draw(ax: Axes, table: pd.DataFrame) -> None:
    for number, (name, part) in enumerate(table.groupby("feature_set", sort=False)):
        ax.plot(part["cost"], part["roc_auc"], _MARKS[number % len(_MARKS)], markersize=6, label=name)
    front = table[on_front(table["cost"].to_numpy(), table["roc_auc"].to_numpy(float))]
    front = front.sort_values("cost")
    ax.plot(front["cost"], front["roc_auc"], color="#666666", linewidth=0.9, zorder=0)
    # More names than fit are left to the table; the ends of the front are always named.
    named = np.unique(np.linspace(0, len(front) - 1, min(len(front), _NAMED)).round().astype(int))
    for row in front.iloc[named].itertuples():
        ax.text(
            float(str(row.cost)),
            float(str(row.roc_auc)),
            wrapped(str(row.model), 24),
            fontsize=7,
            in_layout=False,
            path_effects=[withStroke(linewidth=2.5, foreground=ax.get_facecolor())],
        )


def _part(ax: Axes) -> None:
    """Move labels that overlap each other, a point or the line of the front."""
    points = [
        np.asarray(line.get_xydata()) if line.get_linestyle() == "None" else _along(line) for line in ax.lines
    ]
    xs, ys = np.concatenate(points or [np.empty((0, 2))]).T
    if ax.texts:
        # A limit in steps: one in seconds would give another picture on another machine.
        adjust_text(
            list(ax.texts),
            xs,
            ys,
            ax=ax,
            iter_lim=300,
            expand=(1.15, 1.5),
            arrowprops={"arrowstyle": "-", "color": "#999999", "linewidth": 0.5},
        )


def _along(line: Line2D, count: int = 12) -> np.ndarray:
    """Return points along a line over a logarithmic axis, shape (n, 2)."""
    corners = np.asarray(line.get_xydata(), dtype=float)
    if len(corners) < 2:
        return corners
    places = np.arange(len(corners))
    steps = np.linspace(0, len(corners) - 1, count * (len(corners) - 1))
    x = 10 ** np.interp(steps, places, np.log10(corners[:, 0]))
    return np.column_stack([x, np.interp(steps, places, corners[:, 1])])


FIGURE = FigureSpec(
    "pareto", "ROC AUC against cost", lambda view: pareto_figure(view.leaderboard), in_report=False
)

"""Mean ranks of models, those that cannot be told apart joined by a bar."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from results.figures.base.spec import FigureSpec, RunView
from results.figures.base.style import house_style
from results.tables.repeats import ranks_over_repeats


def critical_difference_figure(ranks: pd.Series, groups: Sequence[Sequence[str]], title: str = "") -> Figure:
    """Draw a critical-difference diagram.

    Parameters
    ----------
    ranks : Series
        Mean rank of each model by its name; 1 is best.
    groups : sequence of sequences of str
        Models that a test cannot tell apart.
    title : str
        What was tested, and how.

    Returns
    -------
    Figure

    References
    ----------
    Demsar, Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006.
    """
    ranks = ranks.sort_values(kind="stable")
    n = len(ranks)
    half = -(-n // 2)
    low, high = np.floor(ranks.min()), max(np.ceil(ranks.max()), np.floor(ranks.min()) + 1)
    bars = [group for group in groups if len(group) > 1]
    top = 0.28 * len(bars) + 0.35
    with house_style():
        figure = Figure(figsize=(8.5, 1.0 + 0.24 * half + 0.28 * len(bars)))
        ax = figure.subplots()
        ax.plot([low, high], [0, 0], color="black", linewidth=1.2)
        for tick in np.arange(low, high + 1):
            ax.plot([tick, tick], [0, 0.12], color="black", linewidth=1)
            ax.text(tick, 0.2, f"{tick:g}", ha="center", va="bottom", fontsize=7)
        margin = 0.04 * (high - low)
        for position, (name, rank) in enumerate(ranks.items()):
            left = position < half
            depth = top + 0.42 * (position if left else n - 1 - position)
            edge = low - margin if left else high + margin
            ax.plot([rank, rank, edge], [0, -depth, -depth], color="#555555", linewidth=0.8)
            text = f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}"
            ax.text(edge, -depth, text, ha="right" if left else "left", va="center", fontsize=7)
        for number, group in enumerate(bars):
            ends = ranks[list(group)]
            at = -0.28 * (number + 0.7)
            ax.plot([ends.min() - 0.02, ends.max() + 0.02], [at, at], color="#0072B2", linewidth=3)
        ax.set_xlim(low - margin, high + margin)
        ax.set_axis_off()
        ax.set_title(title, fontsize=8)
    return figure


def joined(names: Sequence[str], alike: pd.DataFrame) -> list[list[str]]:
    """Return the longest runs of models, in the order of their ranks, no two of which differ.

    Parameters
    ----------
    names : sequence of str
        Best rank first.
    alike : DataFrame of bool
        Rows and columns are names: whether a test cannot tell the two apart.

    Returns
    -------
    list of list of str
        No run lies within another.
    """
    runs: list[list[str]] = []
    reached = -1
    for start in range(len(names)):
        stop = start
        while stop + 1 < len(names) and all(
            bool(alike.loc[names[other], names[stop + 1]]) for other in range(start, stop + 1)
        ):
            stop += 1
        if stop > start and stop > reached:
            runs.append(list(names[start : stop + 1]))
            reached = stop
    return runs


def _of_run(view: RunView) -> Figure | None:
    if view.repeats.empty:
        return None
    ranks, alike = ranks_over_repeats(view.repeats, view.test_share)
    splits = view.repeats["repeat"].nunique()
    title = f"mean rank by ROC AUC over {splits} splits; joined: a corrected t-test sees no difference"
    return critical_difference_figure(ranks, joined(list(ranks.index), alike), title)


FIGURE = FigureSpec("critical_difference", "Critical difference", _of_run, needs="repeats")

"""How the scores of good parts and of defects lie."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results.feature_set import FeatureSet
from results.figures.base.spec import FigureSpec
from results.figures.base.style import DEFECT, GOOD, house_style, wrapped
from results.leaderboard import scored
from results.predictions import Row, rows_of

COLUMNS = 5
BINS = 30


def histograms_figure(predictions: pd.DataFrame) -> Figure:
    """Draw the test scores of each model by class, with the threshold that the valid split chose.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.

    Returns
    -------
    Figure
        One panel a model; counts on a logarithmic axis, so that the few escapes show.
    """
    rows = list(rows_of(predictions))
    columns = max(1, min(COLUMNS, len(rows)))
    lines = max(1, -(-len(rows) // columns))
    with house_style():
        figure = Figure(figsize=(2.7 * columns, 2.1 * lines + 0.3))
        axes = figure.subplots(lines, columns, squeeze=False)
        for ax in axes.flat[len(rows) :]:
            ax.set_axis_off()
        for ax, row in zip(axes.flat, rows, strict=False):
            _draw(ax, row)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _draw(ax: Axes, row: Row) -> None:
    scores = scored(row)
    values = scores.score_test
    # The far ends of a decision value would squeeze the rest into a bin.
    low, high = np.quantile(values, [0.002, 0.998])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for label, colour, name in ((0, GOOD, "good"), (1, DEFECT, "defective")):
        part = np.clip(values[scores.y_test == label], edges[0], edges[-1])
        ax.hist(part, edges.tolist(), color=colour, alpha=0.6, label=name)
    if edges[0] <= scores.threshold <= edges[-1]:
        ax.axvline(scores.threshold, color="black", linewidth=0.9, linestyle="--", label="threshold")
    ax.set_yscale("log")
    features = FeatureSet.of(row.key).title
    ax.set_title(wrapped(f"{row.key['model']}\n{features}", 34), fontsize=7)
    ax.tick_params(labelsize=6)


FIGURE = FigureSpec(
    "scores", "Scores of good parts and defects", lambda view: histograms_figure(view.predictions)
)

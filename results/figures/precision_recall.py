"""Precision-recall curves of all models in one figure."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve

from results.figures.base.panels import curves_figure
from results.figures.base.spec import FigureSpec
from results.predictions import Row


def precision_recall_figure(predictions: pd.DataFrame) -> Figure:
    """Draw precision against recall of each model on the test split, one panel a feature set.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.

    Returns
    -------
    Figure
    """
    return curves_figure(
        predictions, _curve, [_whole], legend="model, AP", ylabel="precision (calls that are defects)"
    )


def _curve(row: Row) -> tuple[np.ndarray, np.ndarray, str, float]:
    y, score = row.part("test")
    precision, recall, _ = precision_recall_curve(y, score)
    average = float(average_precision_score(y, score))
    return recall, precision, f"{average:.3f}", average


def _whole(ax: Axes) -> None:
    ax.set(xlabel="recall (defects found)", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))


FIGURE = FigureSpec(
    "precision_recall",
    "Precision and recall",
    lambda view: precision_recall_figure(view.predictions),
    in_report=False,
)

"""ROC curves of all models in one figure, the high-recall end magnified."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score, roc_curve

from results.figures.base.panels import curves_figure
from results.figures.base.spec import FigureSpec
from results.predictions import Row

HIGH_RECALL = 0.9


def roc_figure(predictions: pd.DataFrame) -> Figure:
    """Draw the ROC curve of each model on the test split, one panel a feature set.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.

    Returns
    -------
    Figure
        Above the whole curves, below the part in which nine tenths of the defects are found.
    """
    return curves_figure(
        predictions, _curve, [_whole, _magnified], legend="model, AUC",
        ylabel="true positive rate (defects found)",
    )  # fmt: skip


def _curve(row: Row) -> tuple[np.ndarray, np.ndarray, str, float]:
    y, score = row.part("test")
    auc = float(roc_auc_score(y, score))
    return *roc_curve(y, score)[:2], f"{auc:.3f}", auc


def _whole(ax: Axes) -> None:
    ax.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, zorder=0)
    ax.set(xlabel="false positive rate (overkill)", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))


def _magnified(ax: Axes) -> None:
    ax.set(xlabel="false positive rate (overkill)", xlim=(-0.01, 1.01), ylim=(HIGH_RECALL, 1.002))


FIGURE = FigureSpec("roc", "ROC curves", lambda view: roc_figure(view.predictions), in_report=False)

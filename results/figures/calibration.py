"""Calibration: the share of defects among images of a predicted probability."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results.figures.base.panels import curves_figure
from results.figures.base.spec import FigureSpec
from results.leaderboard import scored
from results.metrics.probability import calibration_curve, calibration_error, probabilities
from results.predictions import Row


def calibration_figure(predictions: pd.DataFrame) -> Figure:
    """Draw the calibration curve of each model on the test split, one panel a feature set.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`. Decision values become probabilities by a sigmoid fitted on
        the valid split.

    Returns
    -------
    Figure
    """
    return curves_figure(
        predictions, _curve, [_whole], legend="model, calibration error", ylabel="share of defects"
    )


def _curve(row: Row) -> tuple[np.ndarray, np.ndarray, str, float]:
    scores = scored(row)
    told = probabilities(scores)
    curve = calibration_curve(scores.y_test, told)
    error = calibration_error(scores.y_test, told)
    return curve[:, 0], curve[:, 1], f"{error:.3f}", -error


def _whole(ax: Axes) -> None:
    ax.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, zorder=0)
    ax.set(xlabel="probability of a defect", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))


FIGURE = FigureSpec("calibration", "Calibration", lambda view: calibration_figure(view.predictions))

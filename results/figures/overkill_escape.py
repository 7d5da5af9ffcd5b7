"""Good parts thrown away against defects that escape, the two prices of every threshold."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from results.figures.base.panels import curves_figure
from results.figures.base.spec import FigureSpec
from results.metrics.inspection import overkill_at
from results.predictions import Row


def overkill_escape_figure(predictions: pd.DataFrame) -> Figure:
    """Draw escape rate against overkill rate on logarithmic axes, one panel a feature set.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.

    Returns
    -------
    Figure
        Better is lower left. A rate of 0 lies half an image from the edge; what is left of the curve
        where no test defect escapes is the bottom line.
    """
    test = predictions[predictions["split"] == "test"].drop_duplicates("image_id")
    finest = 0.5 / max(int(test["y_true"].value_counts().max()), 1) if len(test) else 0.5

    def curve(row: Row) -> tuple[np.ndarray, np.ndarray, str, float]:
        y, score = row.part("test")
        fpr, tpr, _ = roc_curve(y, score)
        good, defects = max((y == 0).sum(), 1), max((y == 1).sum(), 1)
        at = overkill_at(y, score, 0.99)
        return np.maximum(fpr, 0.5 / good), np.maximum(1 - tpr, 0.5 / defects), f"{at:.1%}", -at

    def axes(ax: Axes) -> None:
        ax.set(xscale="log", yscale="log", xlabel="overkill (good parts thrown away)")
        ax.set(xlim=(finest, 1.1), ylim=(finest, 1.1))
        ax.grid(True, which="both", linewidth=0.4, alpha=0.4)

    return curves_figure(
        predictions, curve, [axes], legend="model, overkill at 1% escapes", ylabel="defects that escape"
    )


FIGURE = FigureSpec(
    "overkill_escape",
    "Overkill against escapes",
    lambda view: overkill_escape_figure(view.predictions),
    in_report=False,
)

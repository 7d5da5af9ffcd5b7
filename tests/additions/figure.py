"""The share of images that each model calls defective, beside the share that are."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from results.figures.base.spec import FigureSpec
from results.figures.base.style import house_style
from results.status import Status


def called_defective_figure(leaderboard: pd.DataFrame) -> Figure | None:
    """Draw a bar per finished row; None where there is none."""
    rows = leaderboard[leaderboard["status"] == Status.OK]
    if rows.empty:
        return None
    images = rows[["tn", "fp", "fn", "tp"]].sum(axis=1)
    with house_style():
        figure, ax = plt.subplots(layout="constrained")
        ax.barh([f"{number + 1}" for number in range(len(rows))], (rows["fp"] + rows["tp"]) / images)
        ax.axvline(float(((rows["fn"] + rows["tp"]) / images).iloc[0]), linestyle=":")
        ax.set(xlim=(0, 1), xlabel="share called defective", ylabel="row of the leaderboard")
    return figure


FIGURE = FigureSpec(
    "called_defective", "Share called defective", lambda view: called_defective_figure(view.leaderboard)
)

"""How many proposals of a detector it takes to cover the defects."""

import pandas as pd
from matplotlib.figure import Figure

from results.figures.base.spec import FigureSpec, RunView
from results.figures.base.style import house_style, wrapped
from results.predictions import ROW_KEY
from results.tables.detection import recall_table


def proposal_recall_figure(boxes: pd.DataFrame) -> Figure | None:
    """Draw the share of defects that proposals cover against their number per image.

    Parameters
    ----------
    boxes : DataFrame
        As `results.tables.detection.detection_table` takes them.

    Returns
    -------
    Figure or None
        One line per detector and overlap, of the test split; None without a true box in it.
    """
    table = recall_table(boxes)
    if table.empty or table["recall"].isna().all():
        return None
    varying = [name for name in ROW_KEY if name == "model" or table[name].nunique() > 1]
    with house_style():
        figure = Figure(figsize=(7.5, 4.4))
        ax = figure.subplots()
        for number, (_, own) in enumerate(table.groupby(ROW_KEY, sort=False)):
            name = ", ".join(str(own[column].iloc[0]) for column in varying)
            for style, (overlap, curve) in zip(("-", "--"), own.groupby("overlap"), strict=True):
                ax.plot(
                    curve["proposals"],
                    curve["recall"],
                    f"C{number % 10}{style}",
                    marker="o",
                    markersize=3,
                    label=wrapped(f"{name}, overlap {overlap:g}", 34),
                )
        ax.set(
            xscale="log",
            xlabel="proposals per image",
            ylabel="true boxes covered, test split",
            ylim=(-0.02, 1.02),
        )
        figure.legend(loc="outside right upper", title="detector, overlap at least")
    return figure


def _draw(view: RunView) -> Figure | None:
    return proposal_recall_figure(view.boxes)


FIGURE = FigureSpec(
    "proposal_recall", "Recall of region proposals against their number", _draw, needs="boxes"
)

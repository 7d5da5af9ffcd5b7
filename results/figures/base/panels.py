"""Curves of all models, one panel for each feature set."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results.feature_set import FeatureSet
from results.figures.base.style import house_style, wrapped
from results.predictions import Row, rows_of

#: More models than this in a panel, and their legend is set small.
MANY = 8
#: What fits over a panel.
TITLE_CHARACTERS = 38
#: What fits into a legend within a panel, beside the number.
LABEL_CHARACTERS = 30
_LINES = ("-", "--", ":", "-.")

#: A row to the x and y of its curve on the test split, and what the legend says behind its name.
Curve = Callable[[Row], tuple[np.ndarray, np.ndarray, str, float]]


def panels_of(predictions: pd.DataFrame) -> dict[str, list[Row]]:
    """Return the rows of each feature set, by its name; the end-to-end networks have one of their own."""
    panels: dict[str, list[Row]] = {}
    for row in rows_of(predictions):
        # A curve needs a good part and a defect.
        if len(set(row.part("test")[0])) < 2:
            continue
        panels.setdefault(FeatureSet.of(row.key).title, []).append(row)
    return panels


def curves_figure(
    predictions: pd.DataFrame,
    curve: Curve,
    finish: list[Callable[[Axes], None]],
    *,
    legend: str,
    ylabel: str,
    height: float = 3.9,
) -> Figure:
    """Draw each model's curve in the panel of its feature set.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.
    curve : callable
        See `Curve`; the last value orders the legend, highest first.
    finish : list of callable
        Each makes a line of panels and sets their axes: one for the whole, another for a part magnified.
    legend, ylabel : str
    height : float
        Of a line of panels, inches.

    Returns
    -------
    Figure
    """
    panels = panels_of(predictions)
    with house_style():
        figure = Figure(figsize=(3.6 * max(len(panels), 1), height * len(finish)))
        lines = figure.subplots(len(finish), max(len(panels), 1), squeeze=False, sharey="row")
        for number, (axes, set_up) in enumerate(zip(lines, finish, strict=True)):
            for ax, (title, rows) in zip(axes, panels.items(), strict=False):
                _draw(ax, rows, curve)
                set_up(ax)
                if number == 0:
                    ax.set_title(wrapped(title, TITLE_CHARACTERS))
                    small = 6 if len(rows) > MANY else 8
                    ax.legend(title=legend, loc="best", fontsize=small, title_fontsize=small)
            axes[0].set_ylabel(ylabel)
    return figure


def _draw(ax: Axes, rows: list[Row], curve: Curve) -> None:
    curves = sorted(((*curve(row), str(row.key["model"])) for row in rows), key=lambda c: -c[3])
    for number, (x, y, text, _, model) in enumerate(curves):
        name = wrapped(model, LABEL_CHARACTERS, 1)
        ax.plot(x, y, _LINES[number // 7 % len(_LINES)], label=f"{name}  {text}")

"""Grouped bars of a measurement, on a logarithmic scale."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from results.figures.base.style import house_style


def bars_figure(table: pd.DataFrame, group: str, bar: str, value: str, axis: str, title: str = "") -> Figure:
    """Draw one group of horizontal bars for each value of a column.

    Parameters
    ----------
    table : DataFrame
        One row a bar; rows without a value are left out.
    group, bar, value : str
        Columns: what the bars are grouped by, which bar it is, and how long, above 0.
    axis : str
        Label of the value axis, with its unit.
    title : str

    Returns
    -------
    Figure
    """
    table = table[table[value] > 0]
    groups, bars = list(dict.fromkeys(table[group])), list(dict.fromkeys(table[bar]))
    height = 0.8 / max(len(bars), 1)
    with house_style():
        figure = Figure(figsize=(7.6, 1.2 + 0.26 * max(len(table), 3)))
        ax = figure.subplots()
        for number, name in enumerate(bars):
            rows = table[table[bar] == name].drop_duplicates(group).set_index(group)[value].reindex(groups)
            at = np.arange(len(groups)) + (number - (len(bars) - 1) / 2) * height
            drawn = ax.barh(at, rows.to_numpy(), height, label=name)
            labels = [
                "" if np.isnan(each) else f" {each:,.0f}" if each >= 1000 else f" {each:.3g}" for each in rows
            ]
            ax.bar_label(drawn, labels, fontsize=7)
        ax.set_xscale("log")
        ax.set_yticks(np.arange(len(groups)), groups)
        ax.invert_yaxis()
        ax.margins(x=0.12)
        ax.set(xlabel=axis, title=title)
        if len(bars) > 1:
            ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure

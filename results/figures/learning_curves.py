"""Learning curves: the median and the band of the draws by labelled images, and where the curves cross."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results.curves.points import HEAD, NETWORK
from results.curves.summary import Curves
from results.feature_set import END_TO_END, FeatureSet
from results.figures.base.panels import LABEL_CHARACTERS, MANY, TITLE_CHARACTERS
from results.figures.base.spec import FigureSpec
from results.figures.base.style import house_style, wrapped

_NETWORK_COLOURS = ("#000000", "#666666", "#999999")
#: Panels side by side.
_ACROSS = 3


def learning_curves_figure(curves: Curves) -> Figure | None:
    """Draw the area under the ROC curve by labels used, one panel per set of embeddings.

    Parameters
    ----------
    curves : Curves

    Returns
    -------
    Figure or None
        The median of the draws as a line, their 95% band as an area; networks in every panel, in black and
        grey. The interval of the crossing is shaded in the panel of the best head, and extrapolations are
        dotted. None without points.
    """
    if curves.bands.empty:
        return None
    bands = curves.bands.sort_values("size")
    heads, networks = (bands[bands["kind"] == kind] for kind in (HEAD, NETWORK))
    panels = _panels(heads)
    columns = min(len(panels), _ACROSS)
    lines = -(-len(panels) // columns)
    unit = "defects" if bands["by"].iloc[0] == "defects" else "images"
    with house_style():
        figure = Figure(figsize=(max(4.4 * columns, 6), 3.9 * lines))
        axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for ax, (title, names) in zip(axes, panels.items(), strict=False):
            for name in names:
                _line(ax, bands[bands["row"] == name])
            for number, name in enumerate(dict.fromkeys(networks["row"])):
                colour = _NETWORK_COLOURS[number % len(_NETWORK_COLOURS)]
                _line(ax, bands[bands["row"] == name], colour)
            _extrapolate(ax, curves, [*names, *dict.fromkeys(networks["row"])])
            _cross(ax, curves.crossing, names)
            ax.set(
                xscale="log",
                xlabel=f"labelled {unit}, train and valid together",
                title=wrapped(title, TITLE_CHARACTERS),
            )
            small = 6 if len(names) + networks["row"].nunique() > MANY else 8
            ax.legend(loc="best", fontsize=small)
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        for ax in axes[::columns]:
            ax.set_ylabel("ROC AUC, test split")
    return figure


def _panels(heads: pd.DataFrame) -> dict[str, list[str]]:
    """Return the rows of each panel by its title; one panel of networks where there are no heads."""
    panels: dict[str, list[str]] = {}
    for row in heads.drop_duplicates("row").to_dict("records"):
        panels.setdefault(FeatureSet.of(row).title, []).append(str(row["row"]))
    return panels or {END_TO_END: []}


def _line(ax: Axes, part: pd.DataFrame, colour: str | None = None) -> None:
    first = part.iloc[0]
    name = str(first["model"]) if first["sampling"] == "all" else f"{first['model']}, {first['sampling']}"
    label, x = wrapped(name, LABEL_CHARACTERS, 1), part["labels"]
    (line,) = ax.plot(x, part["median"], "o-", markersize=3, color=colour, label=label)
    ax.fill_between(x, part["low"], part["high"], color=line.get_color(), alpha=0.12, linewidth=0)


def _extrapolate(ax: Axes, curves: Curves, names: Sequence[str]) -> None:
    """Draw what more labels may give the best rows, where the test of the law passed."""
    laws = curves.extrapolation
    if laws.empty:
        return
    shown = laws[laws["leading"].astype(str).eq("True") & laws["row"].isin(names) & laws["labels"].notna()]
    for number, (name, law) in enumerate(shown.groupby("row", sort=False)):
        last = curves.bands[curves.bands["row"] == name].sort_values("size").iloc[-1]
        x = [float(last["labels"]), *law["labels"].astype(float)]
        ax.plot(
            x, [float(last["median"]), *law["roc_auc"].astype(float)], ":", color="#333333", linewidth=1.2,
            label=None if number else "extrapolated",
        )  # fmt: skip
        ax.errorbar(
            x[1:], law["roc_auc"],
            yerr=[law["roc_auc"] - law["low"], law["high"] - law["roc_auc"]],
            fmt="none", ecolor="#333333", elinewidth=0.8, capsize=2,
        )  # fmt: skip


def _cross(ax: Axes, crossing: pd.DataFrame, names: Sequence[str]) -> None:
    """Shade the interval of the crossing in the panel of the best head."""
    if crossing.empty or str(crossing["head"].iloc[0]) not in names:
        return
    found = crossing.iloc[0]
    low = float(found["smallest"] if np.isnan(found["low"]) else found["low"])
    high = float(found["largest"] if np.isnan(found["high"]) else found["high"])
    if found["result"] == "crosses":
        ax.axvspan(low, high, color="#E69F00", alpha=0.12, linewidth=0, label="crossing, 95% interval")
        ax.axvline(float(found["labels"]), color="#E69F00", linewidth=1)


FIGURE = FigureSpec(
    "learning_curves", "Learning curves", lambda view: learning_curves_figure(view.curves), needs="curves"
)

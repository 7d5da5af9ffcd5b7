"""ROC curves of all models in one figure."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score, roc_curve

from results.figures.style import house_style
from results.predictions import FEATURE_SET, Row, name_features, rows_of

_LINES = ("-", "--", ":", "-.")


def roc_figure(predictions: pd.DataFrame) -> Figure:
    """Draw the ROC curve of each model on the test split, one panel a feature set.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.

    Returns
    -------
    Figure
        Models that share features share a panel; the end-to-end networks have one of their own.
    """
    panels: dict[str, list[Row]] = {}
    for row in rows_of(predictions):
        panels.setdefault(name_features(*(str(row.key[name]) for name in FEATURE_SET)), []).append(row)
    with house_style():
        figure = Figure(figsize=(3.6 * max(len(panels), 1), 3.9))
        axes = figure.subplots(1, max(len(panels), 1), squeeze=False, sharey=True)[0]
        for ax, (title, rows) in zip(axes, panels.items(), strict=False):
            _draw(ax, title, rows)
        axes[0].set_ylabel("true positive rate (defects found)")
    return figure


def _draw(ax: Axes, title: str, rows: list[Row]) -> None:
    curves = []
    for row in rows:
        y, score = row.part("test")
        curves.append((roc_auc_score(y, score), row.key["model"], *roc_curve(y, score)[:2]))
    for number, (auc, model, fpr, tpr) in enumerate(sorted(curves, key=lambda c: -c[0])):
        ax.plot(fpr, tpr, _LINES[number // 7 % len(_LINES)], label=f"{model}  {auc:.3f}")
    ax.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, zorder=0)
    ax.set(title=title, xlabel="false positive rate (overkill)", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    ax.set_aspect("equal")
    ax.legend(title="model, AUC", loc="lower right")

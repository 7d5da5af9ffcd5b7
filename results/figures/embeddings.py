"""Embeddings in two dimensions, coloured by label, with the misclassified ringed."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

from results.feature_set import FeatureSet
from results.figures.base.spec import FigureSpec, RunView
from results.figures.base.style import DEFECT, GOOD, house_style, wrapped
from results.leaderboard import best_on_valid, scored
from results.predictions import FEATURE_SET, Row, rows_of

NEIGHBOURS = 10
SAMPLE = 5000
TITLE_CHARACTERS = 34
LABEL_CHARACTERS = 26


def embeddings_figure(projections: pd.DataFrame, truth: pd.DataFrame, predictions: pd.DataFrame) -> Figure:
    """Draw every feature set (rows) in every projection (columns).

    Parameters
    ----------
    projections : DataFrame
        Columns `features`, `weights`, `preprocess`, `projection`, `image_id`, `x`, `y`.
    truth : DataFrame
        Columns `image_id` and `defect` (1 where the image shows one).
    predictions : DataFrame
        As `results.predictions.SCHEMA`. Test images that the feature set's best classifier, by the
        valid split, got wrong are ringed.

    Returns
    -------
    Figure
    """
    sets = list(projections.groupby(FEATURE_SET, sort=False, observed=True))
    methods = list(projections["projection"].unique())
    with house_style():
        figure = Figure(figsize=(3.3 * len(methods), 3.2 * len(sets) + 0.4))
        axes = figure.subplots(len(sets), len(methods), squeeze=False)
        for line, (key, points) in zip(axes, sets, strict=True):
            best = best_of_set(predictions, tuple(map(str, key)))
            wrong = misclassified(best) if best else set()
            for ax, method in zip(line, methods, strict=True):
                chosen = points[points["projection"] == method].merge(truth, on="image_id")
                _draw(ax, chosen, wrong)
                title = f"{method}: {FeatureSet(*map(str, key)).title}\n{separation(chosen)}"
                ax.set_title(wrapped(title, TITLE_CHARACTERS))
            if best:
                line[0].set_ylabel(wrapped(f"ringed: wrong by {best.key['model']}", LABEL_CHARACTERS))
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, markerscale=1.8)
    return figure


def separation(points: pd.DataFrame) -> str:
    """Say how well labels part in a projection: silhouette, and accuracy of ten nearest neighbours.

    Parameters
    ----------
    points : DataFrame
        Columns `x`, `y` and `defect`. Each image is judged by others; of more than 5,000 the silhouette
        is that of a sample.
    """
    xy, labels = points[["x", "y"]].to_numpy(), points["defect"].to_numpy()
    if len(points) < 3 or len(np.unique(labels)) < 2:
        return ""
    silhouette = silhouette_score(xy, labels, sample_size=min(SAMPLE, len(xy)), random_state=0)
    count = min(NEIGHBOURS, len(xy) - 1)
    rows = NearestNeighbors(n_neighbors=count).fit(xy).kneighbors(return_distance=False)
    accuracy = ((labels[rows].mean(axis=1) > 0.5) == labels).mean()
    return f"silhouette {silhouette:.2f}, {count}-NN {accuracy:.2f}"


def best_of_set(predictions: pd.DataFrame, key: tuple[str, ...]) -> Row | None:
    """Return the row on one feature set that the valid split puts first, by the rule of the report."""
    chosen = (predictions[FEATURE_SET] == list(key)).all(axis=1)
    return best_on_valid(rows_of(predictions[chosen]))


def misclassified(row: Row) -> set[str]:
    """Return the ids of the test images on the wrong side of the row's threshold."""
    scores = scored(row)
    ids = row.frame[row.frame["split"] == "test"].sort_values("image_id")["image_id"]
    return set(ids[scores.predicted != scores.y_test])


def _draw(ax: Axes, points: pd.DataFrame, wrong: set[str]) -> None:
    for label, colour, name in ((0, GOOD, "good"), (1, DEFECT, "defective")):
        part = points[points["defect"] == label]
        ax.scatter(part["x"], part["y"], s=4, color=colour, alpha=0.6, linewidths=0, label=name)
    ringed = points[points["image_id"].isin(wrong)]
    ax.scatter(
        ringed["x"], ringed["y"], s=22, facecolors="none", edgecolors="black", linewidths=0.6,
        label="misclassified (test)",
    )  # fmt: skip
    ax.set(xticks=[], yticks=[])
    ax.grid(False)


def _of_run(view: RunView) -> Figure | None:
    return (
        embeddings_figure(view.projections, view.truth, view.predictions) if len(view.projections) else None
    )


FIGURE = FigureSpec("embeddings", "Embeddings", _of_run)

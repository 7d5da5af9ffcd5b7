"""The registry of figures: a new one is one module with its `FIGURE` and one entry here."""

from results.figures import (
    calibration,
    cells,
    confusion,
    critical_difference,
    embeddings,
    heat_maps,
    histograms,
    learning_curves,
    overkill_escape,
    pareto,
    precision_recall,
    roc,
    search_history,
)
from results.figures.base.spec import FigureSpec, RunView
from results.figures.base.style import render
from results.figures.detection import proposal_recall

_REGISTRY: dict[str, FigureSpec] = {
    figure.name: figure
    for figure in (
        roc.FIGURE,
        learning_curves.FIGURE,
        precision_recall.FIGURE,
        overkill_escape.FIGURE,
        calibration.FIGURE,
        histograms.FIGURE,
        confusion.FIGURE,
        pareto.FIGURE,
        critical_difference.FIGURE,
        embeddings.FIGURE,
        heat_maps.FIGURE,
        proposal_recall.FIGURE,
        cells.FIGURE,
        search_history.FIGURE,
    )
}

__all__ = ["FigureSpec", "RunView", "get_figure", "names", "render"]


def names() -> list[str]:
    """Return the names of the figures of a run."""
    return list(_REGISTRY)


def get_figure(name: str) -> FigureSpec:
    """Return the figure of a name."""
    return _REGISTRY[name]

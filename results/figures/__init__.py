"""Figures as functions of predictions and projections; each returns a matplotlib `Figure`."""

from results.figures.calibration import calibration_figure
from results.figures.confusion import confusions_figure
from results.figures.critical_difference import critical_difference_figure, joined
from results.figures.embeddings import embeddings_figure
from results.figures.histograms import histograms_figure
from results.figures.overkill_escape import overkill_escape_figure
from results.figures.pareto import pareto_figure
from results.figures.precision_recall import precision_recall_figure
from results.figures.roc import roc_figure
from results.figures.style import render

__all__ = [
    "calibration_figure",
    "confusions_figure",
    "critical_difference_figure",
    "embeddings_figure",
    "histograms_figure",
    "joined",
    "overkill_escape_figure",
    "pareto_figure",
    "precision_recall_figure",
    "render",
    "roc_figure",
]

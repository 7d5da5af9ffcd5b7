"""Figures as functions of predictions and projections; each returns a matplotlib `Figure`."""

from results.figures.embeddings import embeddings_figure
from results.figures.roc import roc_figure
from results.figures.style import render

__all__ = ["embeddings_figure", "render", "roc_figure"]

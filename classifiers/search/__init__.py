"""Exact grid search at the cost of a path: many settings from few fits."""

from classifiers.search.path_search import PathSearchCV

__all__ = ["PathSearchCV"]

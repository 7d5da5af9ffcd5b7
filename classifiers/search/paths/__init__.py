"""The registry of paths: a new one is one module and one line here."""

from sklearn.base import BaseEstimator

from classifiers.search.paths.base import Path, Problem
from classifiers.search.paths.boosting import BoostingPath
from classifiers.search.paths.discriminant import DiscriminantPath
from classifiers.search.paths.forest import ForestPath
from classifiers.search.paths.logistic import LogisticPath
from classifiers.search.paths.svm import SVMPath

_REGISTRY: tuple[type[Path], ...] = (
    DiscriminantPath,
    LogisticPath,
    SVMPath,
    ForestPath,
    BoostingPath,
)

__all__ = ["Path", "Problem", "find_path"]


def find_path(model: BaseEstimator) -> type[Path] | None:
    """Return the path that can search `model`, None when there is none."""
    return next((path for path in _REGISTRY if path.knows(model)), None)

"""The registry of paths: a new one is one module and one line here.

The key is the class whose models the path can search, exactly that class: a subclass may have a `fit`
of its own. A path is imported when a model asks for it, so that numba, torch and XGBoost are not.
"""

from importlib import import_module

from sklearn.base import BaseEstimator

from classifiers.search.paths.base import Path, Problem

_PATHS = {
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": "discriminant.DiscriminantPath",
    "sklearn.linear_model._logistic.LogisticRegression": "logistic.LogisticPath",
    "sklearn.svm._classes.SVC": "svm.SVMPath",
    "sklearn.ensemble._forest.RandomForestClassifier": "forest.ForestPath",
    "xgboost.sklearn.XGBClassifier": "boosting.BoostingPath",
}

__all__ = ["Path", "Problem", "find_path"]


def find_path(model: BaseEstimator) -> type[Path] | None:
    """Return the path that can search `model`, None when there is none."""
    home = _PATHS.get(f"{type(model).__module__}.{type(model).__qualname__}")
    if home is None:
        return None
    module, name = home.split(".")
    return getattr(import_module(f"classifiers.search.paths.{module}"), name)

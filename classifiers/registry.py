"""One registry for every model: a new one is one module and one line here."""

from typing import Any

from sklearn.base import BaseEstimator

from classifiers.classical import lda, logistic_regression, random_forest, svm, xgb
from classifiers.cnn.networks import designed, efficientnet, resnet, simple, stratified, two_layer, vgg
from classifiers.search import PathSearchCV
from classifiers.spec import ClassifierSpec
from features.errors import InputError

_REGISTRY: dict[str, ClassifierSpec] = {
    spec.name: spec
    for spec in (
        lda.SPEC,
        random_forest.SPEC,
        logistic_regression.SPEC,
        svm.SPEC,
        xgb.SPEC,
        resnet.LL,
        resnet.FBP,
        two_layer.SPEC,
        simple.SPEC,
        designed.SPEC,
        stratified.SPEC,
        resnet.LL_50,
        resnet.FBP_50,
        vgg.LL_16,
        vgg.FBP_16,
        vgg.LL_19,
        vgg.FBP_19,
        efficientnet.LL,
        efficientnet.FBP,
    )
}


def names(kind: str | None = None) -> list[str]:
    """Return the names of the models, all of them or those of one kind (classical or cnn)."""
    return [name for name, spec in _REGISTRY.items() if kind in (None, spec.kind)]


def get_spec(name: str) -> ClassifierSpec:
    """Return the registry's entry of `name`; `InputError` names the models there are."""
    if name not in _REGISTRY:
        raise InputError(f"no model {name!r}; there are: {', '.join(_REGISTRY)}")
    return _REGISTRY[name]


def make_classifier(name: str, **params: Any) -> BaseEstimator:
    """Make an unfitted estimator.

    Parameters
    ----------
    name : str
        One of `names()`.
    **params
        The model's own parameters; `random_state` seeds it.

    Returns
    -------
    estimator
        Classical ones are pipelines of a `StandardScaler` and the model.
    """
    return get_spec(name).make(**params)


def make_search(
    name: str,
    *,
    grid: str = "small",
    cv: Any = 5,
    scoring: str = "roc_auc",
    refit: bool = True,
    n_jobs: int | None = -1,
    random_state: int = 0,
    params: dict[str, Any] | None = None,
    **options: Any,
) -> PathSearchCV:
    """Make the grid search of a classical model.

    Parameters
    ----------
    name : str
        One of `names("classical")`.
    grid : str
        `small` or `full`.
    cv : int or splitter
        Folds.
    scoring : str
        Scorer that selects.
    refit : bool
        Whether to fit the best setting on all rows given to `fit`.
    n_jobs : int, optional
        Processes.
    random_state : int
        Seed of the model.
    params : dict, optional
        Further parameters of the model, the same in every cell.
    **options
        Of `PathSearchCV`: accelerate, device, memory_budget, checkpoint, progress, verbose.

    Returns
    -------
    PathSearchCV
        Unfitted.
    """
    spec = get_spec(name)
    if grid not in spec.grids:
        raise InputError(f"model {name} has no grid {grid!r}; it has: {', '.join(spec.grids) or 'none'}")
    return PathSearchCV(
        spec.make(random_state=random_state, **(params or {})),
        spec.grids[grid],
        cv=cv,
        scoring=scoring,
        refit=refit,
        n_jobs=n_jobs,
        error_score="raise",
        **options,
    )

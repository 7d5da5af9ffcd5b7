"""The registry of models: a new model is one module and one entry here.

Listing the models and reading their entries imports neither scikit-learn nor torch nor XGBoost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.classical import (
    knn,
    knn_distance,
    lda,
    logistic_regression,
    mahalanobis,
    one_class_svm,
    random_forest,
    svm,
    xgb,
)
from classifiers.cnn.specs import BASE, all_layers, last_layer, network
from classifiers.spec import GOOD_ONLY, ClassifierSpec, Deferred
from features.errors import InputError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from classifiers.search import PathSearchCV

_REGISTRY: dict[str, ClassifierSpec] = {
    spec.name: spec
    for spec in (
        lda.SPEC,
        random_forest.SPEC,
        logistic_regression.SPEC,
        svm.SPEC,
        xgb.SPEC,
        knn.SPEC,
        knn_distance.SPEC,
        mahalanobis.SPEC,
        one_class_svm.SPEC,
        ClassifierSpec(
            name="patchcore",
            title="PatchCore",
            kind="patches",
            make=Deferred("classifiers.patch_memory:PatchMemory"),
            summary="distance to the nearest patch of good images",
            supervision=GOOD_ONLY,
            trusted=("classifiers.patch_memory.PatchMemory",),
        ),
        last_layer("resnet:ResNet", "ResNet-18", architecture="resnet18"),
        all_layers("resnet:ResNet", "ResNet-18", architecture="resnet18"),
        network(
            "two_layer:TwoLayerCNN",
            "cnn2",
            "2-layer CNN",
            "two convolutions and two dense layers of 1000",
            augmented=True,
            defaults={**BASE, "size": 64},
        ),
        network(
            "simple:SimpleCNN",
            "simple_cnn",
            "Simple CNN",
            "four convolutions and two dense layers, tunable by `defectbench tune`",
            augmented=True,
            defaults=BASE,
        ),
        network(
            "designed:DesignedResNet",
            "designed_resnet",
            "Designed ResNet",
            "2.9 million parameters, full size, 32-dimensional embedding",
            augmented=True,
            defaults={**BASE, "size": (267, 275)},
        ),
        network(
            "stratified:StratifiedResNet",
            "stratified",
            "Stratified ResNet",
            "the designed ResNet with separate filters for each part of the image plane",
            defaults={**BASE, "size": (267, 275)},
        ),
        network(
            "darts:DartsClassifier",
            "darts",
            "DARTS (ImageNet cell)",
            "the cells that DARTS found, published for ImageNet, trained from scratch",
            augmented=True,
            defaults=BASE,
        ),
        last_layer("resnet:ResNet", "ResNet-50", architecture="resnet50"),
        all_layers("resnet:ResNet", "ResNet-50", architecture="resnet50"),
        last_layer("vgg:VGG", "VGG-16", architecture="vgg16_bn", learning_rate=1e-3),
        all_layers("vgg:VGG", "VGG-16", architecture="vgg16_bn"),
        last_layer("vgg:VGG", "VGG-19", architecture="vgg19_bn", learning_rate=1e-3),
        all_layers("vgg:VGG", "VGG-19", architecture="vgg19_bn"),
        last_layer("efficientnet:EfficientNetLite", "EfficientNet-Lite0", architecture="efficientnet_lite0"),
        all_layers("efficientnet:EfficientNetLite", "EfficientNet-Lite0", architecture="efficientnet_lite0"),
    )
}


def names(kind: str | None = None) -> list[str]:
    """Return the names of all models, or of the models of one kind (see `ClassifierSpec`)."""
    return [name for name, spec in _REGISTRY.items() if kind in (None, spec.kind)]


def get_spec(name: str) -> ClassifierSpec:
    """Return the entry of a model.

    Raises
    ------
    InputError
        If there is no such model; the message lists the models.
    """
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
        Parameters of the model; `random_state` is its seed.

    Returns
    -------
    estimator
        A classical model is a pipeline of a `StandardScaler` and the classifier.

    Raises
    ------
    InputError
        If there is no such model.
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
        Number of folds, or a splitter.
    scoring : str
        Scorer that selects the best setting.
    refit : bool
        Whether to fit the best setting on all rows passed to `fit`.
    n_jobs : int, optional
        Number of processes.
    random_state : int
        Seed of the model.
    params : dict, optional
        Further parameters of the model, the same in every cell.
    **options
        Further parameters of `PathSearchCV`: accelerate, device, memory_budget, checkpoint, progress,
        verbose.

    Returns
    -------
    PathSearchCV
        Unfitted search.

    Raises
    ------
    InputError
        If there is no such model, or the model has no such grid.
    """
    from classifiers.search import PathSearchCV

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

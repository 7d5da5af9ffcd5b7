"""Random forest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.spec import ClassifierSpec, standardised

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_random_forest(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make a random forest.

    References
    ----------
    Breiman, Random forests, Machine Learning 45, 2001.
    """
    from sklearn.ensemble import RandomForestClassifier

    return standardised(
        RandomForestClassifier(**{"n_estimators": 200, "random_state": random_state, **params})
    )


SPEC = ClassifierSpec(
    name="rf",
    title="RF",
    kind="classical",
    make=make_random_forest,
    summary="random forest",
    balance=lambda y: {"class_weight": "balanced"},
    trusted=("sklearn.tree._tree.Tree",),
    search_seconds=9.0,
    grids={
        "small": {
            "model__n_estimators": [100, 200, 400],
            "model__max_features": ["sqrt"],
            "model__min_samples_leaf": [1, 3],
        },
        "full": {
            "model__n_estimators": [100, 200, 500],
            "model__max_features": ["sqrt", 0.1],
            "model__min_samples_leaf": [1, 3],
            "model__max_depth": [None, 12],
        },
    },
)

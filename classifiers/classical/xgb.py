"""Gradient-boosted trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.spec import ClassifierSpec, standardised

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_xgb(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make XGBoost's histogram trees.

    References
    ----------
    Chen and Guestrin, XGBoost: a scalable tree boosting system, KDD 2016.
    """
    from xgboost import XGBClassifier

    defaults = {"n_estimators": 200, "tree_method": "hist", "random_state": random_state}
    return standardised(XGBClassifier(**{**defaults, **params}))


SPEC = ClassifierSpec(
    name="xgb",
    title="XGB",
    kind="classical",
    make=make_xgb,
    summary="XGBoost, histogram trees",
    balance=lambda y: {"scale_pos_weight": float((y == 0).sum() / max((y == 1).sum(), 1))},
    trusted=("xgboost.sklearn.XGBClassifier", "xgboost.core.Booster"),
    search_seconds=13.0,
    grids={
        "small": {
            "model__n_estimators": [50, 100, 200],
            "model__max_depth": [3],
            "model__learning_rate": [0.05, 0.1],
        },
        "full": {
            "model__n_estimators": [100, 200, 400],
            "model__max_depth": [3, 6],
            "model__learning_rate": [0.05, 0.1],
        },
    },
)

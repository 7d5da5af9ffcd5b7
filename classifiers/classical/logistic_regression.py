"""Logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from classifiers.spec import ClassifierSpec, standardised

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_logistic_regression(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make an L2-regularised logistic regression.

    Newton's method reaches the optimum at any C in a few steps. First-order solvers stop before it when
    regularisation is weak, and their scores then depend on the iteration limit.
    """
    from sklearn.linear_model import LogisticRegression

    defaults = {"solver": "newton-cholesky", "tol": 1e-6, "random_state": random_state}
    return standardised(LogisticRegression(**{**defaults, **params}))


SPEC = ClassifierSpec(
    name="lr",
    title="LR",
    kind="classical",
    make=make_logistic_regression,
    summary="logistic regression, L2",
    balance=lambda y: {"class_weight": "balanced"},
    search_seconds=1.2,
    grids={
        "small": {"model__C": [1e-4, 1e-3, 1e-2, 1e-1, 1.0]},
        "full": {"model__C": list(np.logspace(-5, 3, 9))},
    },
)

"""Support vector machine, linear and RBF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.spec import ClassifierSpec, standardised

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_svm(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make a support vector machine; its scores are decision values.

    `SVC(probability=True)` is deprecated in scikit-learn 1.9; where a probability is shown, the
    decision value is calibrated on held-out rows instead.

    References
    ----------
    Chang and Lin, LIBSVM, ACM TIST 2, 2011.
    """
    from sklearn.svm import SVC

    return standardised(SVC(**{"random_state": random_state, **params}))


SPEC = ClassifierSpec(
    name="svm",
    title="SVM",
    kind="classical",
    make=make_svm,
    summary="support vector machine, linear and RBF kernels",
    balance=lambda y: {"class_weight": "balanced"},
    search_seconds=1.0,
    grids={
        "small": [
            {"model__kernel": ["linear"], "model__C": [1e-4, 1e-3, 1e-2]},
            {
                "model__kernel": ["rbf"],
                "model__C": [0.1, 1.0, 10.0],
                "model__gamma": [1e-4, 1e-3, 1e-2],
            },
        ],
        "full": [
            {"model__kernel": ["linear"], "model__C": [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0]},
            {
                "model__kernel": ["rbf"],
                "model__C": [0.01, 0.1, 1.0, 10.0, 100.0],
                "model__gamma": [1e-5, 1e-4, 1e-3, 1e-2],
            },
        ],
    },
)

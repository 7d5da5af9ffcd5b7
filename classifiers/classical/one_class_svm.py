"""One-class support vector machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.spec import GOOD_ONLY, ClassifierSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_one_class_svm(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make a one-class support vector machine with an RBF kernel; it is not random.

    References
    ----------
    Schölkopf et al., Estimating the support of a high-dimensional distribution, Neural Computation 13, 2001.
    """
    from classifiers.good_only import LogOneClassSVM, good_only

    return good_only(LogOneClassSVM(nu=0.1, gamma="scale"), params)


SPEC = ClassifierSpec(
    name="one_class_svm",
    title="One-class SVM",
    kind="classical",
    make=make_one_class_svm,
    summary="one-class support vector machine, RBF kernel, fitted on good images",
    supervision=GOOD_ONLY,
    search_seconds=0.5,
    trusted=(
        "classifiers.good_only.GoodOnly",
        "classifiers.good_only.GoodScaler",
        "classifiers.good_only.LogOneClassSVM",
    ),
    grids={
        "small": {"model__detector__nu": [0.1]},
        "full": {
            "model__detector__nu": [0.01, 0.05, 0.1, 0.5],
            "model__detector__gamma": ["scale", 1e-4, 1e-3, 1e-2],
        },
    },
)

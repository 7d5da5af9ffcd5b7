"""Linear discriminant analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.spec import ClassifierSpec, standardised

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SHRINKAGE = [1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]


def make_lda(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make an LDA with shrinkage; LDA is not random, so `random_state` has no effect.

    References
    ----------
    Ledoit and Wolf, Honey, I shrunk the sample covariance matrix, 2004.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return standardised(LinearDiscriminantAnalysis(**{"solver": "lsqr", "shrinkage": 0.1, **params}))


SPEC = ClassifierSpec(
    name="lda",
    title="LDA",
    kind="classical",
    make=make_lda,
    summary="linear discriminant analysis with shrinkage",
    balance=lambda y: {"priors": [0.5, 0.5]},
    search_seconds=1.0,
    grids={
        "small": {"model__shrinkage": [1e-3, 1e-2, 0.1, 0.3, 0.5, 0.9]},
        "full": {"model__shrinkage": SHRINKAGE},
    },
)

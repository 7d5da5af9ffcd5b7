"""Mahalanobis distance to the good images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.spec import GOOD_ONLY, ClassifierSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_mahalanobis(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make a detector by the Mahalanobis distance under a shrunk covariance; it is not random.

    The shrinkage of Ledoit and Wolf follows from the good images, so no parameter is searched.

    References
    ----------
    Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices, Journal of
    Multivariate Analysis 88, 2004; Rippel, Mertens and Merhof, Modeling the distribution of normal data in
    pre-trained deep features for anomaly detection, ICPR 2020.
    """
    from sklearn.covariance import LedoitWolf

    from classifiers.good_only import good_only

    return good_only(LedoitWolf(), params)


SPEC = ClassifierSpec(
    name="mahalanobis",
    title="Mahalanobis",
    kind="classical",
    make=make_mahalanobis,
    summary="Mahalanobis distance to the good images, covariance shrunk after Ledoit and Wolf",
    supervision=GOOD_ONLY,
    search_seconds=0.5,
    trusted=("classifiers.good_only.GoodOnly", "classifiers.good_only.GoodScaler"),
    grids={
        "small": {"model__detector__assume_centered": [False]},
        "full": {"model__detector__assume_centered": [False]},
    },
)

"""Distance to the nearest good images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.spec import GOOD_ONLY, ClassifierSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_knn_distance(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make a detector by the mean distance to the k nearest good images; it is not random.

    References
    ----------
    Ramaswamy, Rastogi and Shim, Efficient algorithms for mining outliers from large data sets, SIGMOD 2000;
    Bergman, Cohen and Hoshen, Deep nearest neighbor anomaly detection, 2020.
    """
    from sklearn.neighbors import NearestNeighbors

    from classifiers.good_only import good_only

    return good_only(NearestNeighbors(n_neighbors=5, algorithm="brute"), params)


SPEC = ClassifierSpec(
    name="knn_distance",
    title="kNN distance",
    kind="classical",
    make=make_knn_distance,
    summary="mean distance to the nearest good images",
    supervision=GOOD_ONLY,
    search_seconds=0.5,
    trusted=("classifiers.good_only.GoodOnly", "classifiers.good_only.GoodScaler"),
    grids={
        "small": {"model__detector__n_neighbors": [5]},
        "full": {
            "model__detector__n_neighbors": [1, 2, 5, 10, 20],
            "model__detector__metric": ["euclidean", "cosine"],
        },
    },
)

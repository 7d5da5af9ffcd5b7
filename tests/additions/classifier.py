"""k nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.spec import ClassifierSpec, standardised

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_neighbours(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make a k-nearest-neighbours classifier; it is not random, so `random_state` has no effect.

    References
    ----------
    Cover and Hart, Nearest neighbor pattern classification, 1967.
    """
    from sklearn.neighbors import KNeighborsClassifier

    return standardised(KNeighborsClassifier(**{"n_neighbors": 5, **params}))


SPEC = ClassifierSpec(
    name="knn",
    title="kNN",
    kind="classical",
    make=make_neighbours,
    summary="k nearest neighbours",
    grids={
        "small": {"model__n_neighbors": [3, 7]},
        "full": {"model__n_neighbors": [1, 3, 5, 7, 15], "model__weights": ["uniform", "distance"]},
    },
)

"""k nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.spec import ClassifierSpec, standardised

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_knn(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make a k-nearest-neighbours classifier; it is not random, so `random_state` has no effect."""
    from classifiers.neighbours import Neighbours

    return standardised(Neighbours(**params))


SPEC = ClassifierSpec(
    name="knn",
    title="kNN",
    kind="classical",
    make=make_knn,
    summary="k nearest neighbours, weighted by distance",
    trusted=("classifiers.neighbours.Neighbours",),
    search_seconds=2.0,
    grids={
        "small": {"model__n_neighbors": [5, 15, 45]},
        "full": {"model__n_neighbors": [1, 3, 5, 9, 15, 25, 45], "model__metric": ["euclidean", "cosine"]},
    },
)

"""A nearest-neighbours classifier that also works where there are fewer rows than neighbours asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.validation import check_is_fitted, validate_data


class Neighbours(ClassifierMixin, BaseEstimator):
    """k nearest neighbours, weighted by the inverse of their distance.

    Votes alone give only k + 1 different scores; weights tell more images apart. The search is exhaustive,
    because trees do not help in the many dimensions of embeddings.

    Parameters
    ----------
    n_neighbors : int
        Of fewer training rows all count as neighbours; scikit-learn's classifier raises an error then.
    metric : str
        `euclidean` or `cosine`.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted.

    References
    ----------
    Cover and Hart, Nearest neighbor pattern classification, 1967; Dudani, The distance-weighted
    k-nearest-neighbor rule, 1976.

    Examples
    --------
    >>> Neighbours(n_neighbors=15).fit([[0.0], [1.0], [9.0]], [0, 0, 1]).predict([[8.0]])
    array([1])
    """

    def __init__(self, n_neighbors: int = 15, metric: str = "euclidean"):
        self.n_neighbors = n_neighbors
        self.metric = metric

    def fit(self, X: Any, y: Any) -> Neighbours:
        """Keep the rows of `X`, shape (n, d), and their labels `y`, shape (n,)."""
        X, y = validate_data(self, X, y)
        count = min(self.n_neighbors, len(X))
        self.neighbours_ = KNeighborsClassifier(
            count, weights="distance", algorithm="brute", metric=self.metric
        ).fit(X, y)
        self.classes_ = self.neighbours_.classes_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the weighted share of each class among the neighbours, shape (n, n_classes)."""
        check_is_fitted(self)
        return self.neighbours_.predict_proba(validate_data(self, X, reset=False))

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of the largest share, shape (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

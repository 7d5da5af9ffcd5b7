"""Detectors that learn from good images only, as classifiers of good (0) and defective (1) images.

The registry's modules name the detectors; this module makes an estimator of each. It imports scikit-learn.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.utils.validation import check_is_fitted, validate_data

from features.chunks import chunks

_ROWS_AT_ONCE = 1024
#: Share of new good images that may be called defective at the threshold that good images choose.
OVERKILL = 0.05


class GoodScaler(StandardScaler):
    """A `StandardScaler` whose means and deviations are those of the good images.

    Examples
    --------
    >>> GoodScaler().fit([[1.0], [3.0], [99.0]], [0, 0, 1]).mean_
    array([2.])
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the means and deviations of the rows of `X` whose label is 0."""
        good = good_rows(y)
        weight = None if sample_weight is None else np.asarray(sample_weight)[good]
        return super().fit(np.asarray(X)[good], None, weight)


class LogOneClassSVM(OneClassSVM):
    """A `OneClassSVM` with an RBF kernel that scores the logarithm of the sum of its kernels.

    The order is that of `OneClassSVM`, whose scores of rows far from all training rows are equal: their
    kernels are 0, so that no threshold can be set among them.

    Examples
    --------
    >>> model = LogOneClassSVM(gamma=1.0).fit([[0.0], [0.1], [0.2]])
    >>> near, far = model.score_samples([[50.0], [60.0]])
    >>> bool(near > far)
    True
    """

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the logarithm of the weighted sum of kernels, float64 array of shape (n,)."""
        X, weights = np.asarray(X), np.log(self.dual_coef_)
        found = []
        for rows in chunks(len(X), _ROWS_AT_ONCE):
            distances = euclidean_distances(X[rows], self.support_vectors_, squared=True)
            found.append(logsumexp(weights - self._gamma * distances, axis=1))
        return np.concatenate(found)


class GoodOnly(ClassifierMixin, BaseEstimator):
    """A detector of unusual rows as a classifier: it is fitted on good rows, and labels do no more than that.

    Parameters
    ----------
    detector : estimator
        An outlier detector of scikit-learn (`score_samples`, higher is more usual), a covariance
        (`mahalanobis`), or `NearestNeighbors` (the mean distance to the neighbours is the score).

    Attributes
    ----------
    detector_ : estimator
        Fitted on the good rows.
    classes_ : ndarray, shape (2,)
        0 (good) and 1 (defective), whether or not there are defective rows.
    offset_ : float
        The score that decision values are measured from: at most a share `OVERKILL` of good rows is
        expected above it. Scores of the training rows themselves are optimistic, except those of
        `NearestNeighbors`, where a row is not its own neighbour.

    Examples
    --------
    >>> from sklearn.covariance import LedoitWolf
    >>> X, y = np.random.default_rng(0).normal(size=(50, 3)), np.zeros(50)
    >>> GoodOnly(LedoitWolf()).fit(X, y).predict([[0, 0, 0], [9, 9, 9]])
    array([0, 1])
    """

    def __init__(self, detector: BaseEstimator):
        self.detector = detector

    def fit(self, X: Any, y: Any) -> GoodOnly:
        """Fit the detector on the good rows.

        Parameters
        ----------
        X : array of float, shape (n, d)
        y : array of 0 and 1, shape (n,)
            Rows with 1 are not looked at.

        Raises
        ------
        ValueError
            For other labels, or fewer than two good rows.
        """
        X = validate_data(self, X)
        good = X[good_rows(y)]
        self.classes_ = np.array([0, 1])
        self.detector_ = clone(self.detector)
        if hasattr(self.detector_, "n_neighbors"):
            # Of very few good rows all the others are neighbours.
            self.detector_.set_params(n_neighbors=min(self.detector_.n_neighbors, len(good) - 1))
        self.detector_.fit(good)
        self.offset_ = quantile_of_good(self._unusual(good, fitted_on=True), OVERKILL)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return how unusual each row is, less `offset_`; higher is more defective.

        Parameters
        ----------
        X : array of float, shape (n, d)

        Returns
        -------
        float64 array, shape (n,)
        """
        check_is_fitted(self)
        return self._unusual(validate_data(self, X, reset=False)) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Return 1 where the decision value is positive, else 0; int array of shape (n,)."""
        return self.classes_[(self.decision_function(X) > 0).astype(int)]

    def _unusual(self, X: np.ndarray, *, fitted_on: bool = False) -> np.ndarray:
        detector = self.detector_
        if hasattr(detector, "score_samples"):
            found = -detector.score_samples(X)
        elif hasattr(detector, "mahalanobis"):
            found = np.sqrt(np.maximum(detector.mahalanobis(X), 0.0))
        else:
            found = detector.kneighbors(None if fitted_on else X)[0].mean(axis=1)
        return np.asarray(found, np.float64)


def good_only(detector: BaseEstimator, params: dict[str, Any]) -> Pipeline:
    """Return a pipeline of a `GoodScaler` and a detector.

    Parameters
    ----------
    detector : estimator
        As in `GoodOnly`.
    params : dict of str to object
        Parameters of the detector to set, such as `n_neighbors`.

    Returns
    -------
    Pipeline
        `model__detector__NAME` is the parameter NAME of the detector.
    """
    own = {name.removeprefix("detector__"): value for name, value in params.items()}
    return Pipeline([("scale", GoodScaler()), ("model", GoodOnly(detector.set_params(**own)))])


def good_rows(y: Any) -> np.ndarray:
    """Return which rows are good, bool array of shape (n,).

    Raises
    ------
    ValueError
        For labels other than 0 and 1, or fewer than two good rows.

    Examples
    --------
    >>> good_rows([0, 1, 0])
    array([ True, False,  True])
    """
    labels = np.asarray(y)
    unknown = [label for label in np.unique(labels).tolist() if label not in (0, 1)]
    if unknown:
        raise ValueError(f"label {unknown[0]!r}: give 0 for good rows and 1 for defective ones")
    good = labels == 0
    if good.sum() < 2:
        raise ValueError(f"{good.sum()} good rows: a detector of unusual rows needs at least 2")
    return good


def quantile_of_good(score: np.ndarray, overkill: float) -> float:
    """Return the score above which at most this share of new good rows is expected.

    With n scores it is the ceil((n + 1) (1 - overkill))-th smallest; with too few the largest.

    Parameters
    ----------
    score : float array, shape (n,)
        Scores of good rows.
    overkill : float
        Between 0 and 1.

    References
    ----------
    Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005 (inductive conformal prediction).

    Examples
    --------
    >>> quantile_of_good(np.arange(99.0), 0.05), quantile_of_good(np.arange(3.0), 0.05)
    (94.0, 2.0)
    """
    rank = int(np.ceil((len(score) + 1) * (1 - overkill) - 1e-9))
    return float(np.sort(score)[min(rank, len(score)) - 1])

"""What more data may give: a power law through a learning curve, tested on its last size first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from results.curves.crossing import LEVEL, mean_areas
from results.curves.learner import Learner

FACTORS = (2, 4)
#: A test whose interval is wider than this says nothing: almost any area would pass.
WIDEST = 0.1
REPLICATES = 500
#: Sizes that a test on the last one needs.
FEWEST = 5
#: Limits of the error that are tried, as shares of the smallest measured error.
_LIMITS = np.linspace(0, 0.95, 20)
_SMALLEST_ERROR = 1e-4


@dataclass(frozen=True)
class Estimate:
    """An area at a number of labels, with its 95% interval."""

    labels: float
    auc: float
    low: float
    high: float


@dataclass(frozen=True)
class Extrapolation:
    """A power law through the curve of one row.

    Parameters
    ----------
    row : str
    measured : float
        Mean area at the largest size.
    test : Estimate
        What the law predicts for that size from the smaller ones; the interval is the one in which the
        measured area must lie.
    further : tuple of Estimate
        At twice and four times the labels; empty where the test does not pass.
    """

    row: str
    measured: float
    test: Estimate
    further: tuple[Estimate, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether the law predicts the largest size from the smaller ones, within a narrow interval."""
        return self.says_something and self.test.low <= self.measured <= self.test.high

    @property
    def says_something(self) -> bool:
        """Whether the interval of the test is narrow enough that a wrong law could fail."""
        return self.test.high - self.test.low <= WIDEST


def extrapolate(
    learner: Learner, *, factors: Sequence[float] = FACTORS, replicates: int = REPLICATES, seed: int = 0
) -> Extrapolation | None:
    """Fit a power law to the error of a row and extrapolate it, if it predicts the last size measured.

    The error, 1 minus the area, is a * labels ** -b + c. The law is fitted to the mean areas and to their
    bootstrap over draws and test images, of which the intervals are taken.

    Parameters
    ----------
    learner : Learner
    factors : sequence of float
        Multiples of the labels of the largest size.
    replicates, seed : int

    Returns
    -------
    Extrapolation or None
        None with fewer than five sizes, or a test split of one class.

    References
    ----------
    Cortes, Jackel, Solla, Vapnik and Denker, Learning curves: asymptotic values and rate of convergence,
    NeurIPS 1994. Viering and Loog, The shape of learning curves: a review, IEEE TPAMI 45, 2023.
    """
    if len(learner.sizes) < FEWEST or len(set(learner.y)) < 2:
        return None
    labels = np.array([learner.labels[size] for size in learner.sizes])
    means, drawn = mean_areas(learner, replicates, np.random.default_rng(seed))
    variance = np.maximum(drawn.var(axis=0), 1e-10)
    tail = (1 - LEVEL) / 2
    last = labels[-1:]
    predicted = float(_law(labels[:-1], means[None, :-1], variance[:-1], last)[0, 0])
    # The test images and the draws are common to both: their chance is left out where it cancels.
    off = _law(labels[:-1], drawn[:, :-1], variance[:-1], last)[:, 0] - drawn[:, -1]
    off -= np.median(off)
    test = Estimate(
        float(last[0]),
        predicted,
        max(predicted + float(np.quantile(off, tail)), 0.0),
        min(predicted + float(np.quantile(off, 1 - tail)), 1.0),
    )
    found = Extrapolation(learner.words, float(means[-1]), test)
    if not found.passes:
        return found
    ahead = labels[-1] * np.asarray(factors, float)
    middle = _law(labels, means[None], variance, ahead)[0]
    spread = _law(labels, drawn, variance, ahead)
    further = tuple(
        Estimate(
            float(ahead[at]),
            float(middle[at]),
            min(float(np.quantile(spread[:, at], tail)), float(middle[at])),
            max(float(np.quantile(spread[:, at], 1 - tail)), float(middle[at])),
        )
        for at in range(len(ahead))
    )
    return Extrapolation(found.row, found.measured, test, further)


def _law(labels: np.ndarray, areas: np.ndarray, variance: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Return the areas that the law of each row of areas gives at other numbers of labels.

    Parameters
    ----------
    labels : float array, shape (k,)
    areas : float array, shape (b, k)
    variance : float array, shape (k,)
        Of the areas, for weights.
    ahead : float array, shape (f,)

    Returns
    -------
    float array, shape (b, f)
    """
    errors = np.maximum(1 - areas, _SMALLEST_ERROR)
    x, x_ahead = np.log(labels), np.log(ahead)
    best = np.full(len(errors), np.inf)
    found = np.empty((len(errors), len(ahead)))
    for share in _LIMITS:
        limit = share * errors.min(axis=1, keepdims=True)
        above = errors - limit
        weights = above**2 / variance
        weights = weights / weights.sum(axis=1, keepdims=True)
        z = np.log(above)
        centre_x = (weights * x).sum(axis=1, keepdims=True)
        centre_z = (weights * z).sum(axis=1, keepdims=True)
        rise = (weights * (x - centre_x) * (z - centre_z)).sum(axis=1, keepdims=True)
        # More data never harms in this law.
        slope = np.minimum(rise / (weights * (x - centre_x) ** 2).sum(axis=1, keepdims=True), 0)
        fitted = np.exp(centre_z + slope * (x - centre_x)) + limit
        loss = ((fitted - errors) ** 2 / variance).sum(axis=1)
        better = loss < best
        best[better] = loss[better]
        found[better] = (np.exp(centre_z + slope * (x_ahead - centre_x)) + limit)[better]
    return 1 - found

"""Intervals of proportions and of any other figure."""

from collections.abc import Callable

import numpy as np
from scipy.stats import binomtest

Figure = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def wilson_interval(count: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a proportion, such as an accuracy or an escape rate.

    Parameters
    ----------
    count, n : int
        Successes and trials; no trials give (0, 1).
    confidence : float

    Returns
    -------
    (float, float)
    """
    if n == 0:
        return 0.0, 1.0
    interval = binomtest(count, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap_interval(
    figure: Figure,
    y: np.ndarray,
    score: np.ndarray,
    *,
    confidence: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval over images drawn anew, each class in its own number.

    Parameters
    ----------
    figure : callable
        (y, score, weights) to a number for each line of `weights`, an int array of shape (draws, n) that
        tells how often each image was drawn.
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
    confidence : float
    draws : int
    seed : int

    Returns
    -------
    (float, float)
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((draws, len(y)))
    for value in np.unique(y):
        rows = np.flatnonzero(y == value)
        weights[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), draws)
    low, high = np.quantile(figure(y, score, weights), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def average_precision(y: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the average precision of each line of weights; images of one score come in together."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)
    drawn = weights[:, order]
    found = np.cumsum(drawn * y[order], axis=1)[:, last]
    called = np.cumsum(drawn, axis=1)[:, last]
    gained = np.diff(found, axis=1, prepend=0)
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    return (gained * precision).sum(axis=1) / found[:, -1]


def f1(y: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the F1 of 0/1 decisions for each line of weights."""
    hits = weights @ (y * predicted)
    whole = weights @ (y + predicted)
    return np.divide(2 * hits, whole, out=np.zeros_like(hits), where=whole > 0)


def balanced_accuracy(y: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the balanced accuracy of 0/1 decisions for each line of weights."""
    defects, good = weights @ y, weights @ (1 - y)
    return (weights @ (y * predicted) / defects + weights @ ((1 - y) * (1 - predicted)) / good) / 2

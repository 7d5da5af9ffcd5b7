"""Intervals of proportions, and of figures that the bootstrap gives one."""

import numpy as np
from scipy.stats import binomtest

DRAWS = 1000


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


def decision_intervals(
    confusion: tuple[int, int, int, int], *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return the bootstrap's percentile intervals of F1 and balanced accuracy.

    Images drawn anew, each class in its own number, are called as before: what is drawn matters only by
    the counts, which are binomial, so no image is drawn one by one.

    Parameters
    ----------
    confusion : (tn, fp, fn, tp)
        Counts; both classes must occur.
    confidence : float
    draws : int
    seed : int

    Returns
    -------
    dict
        `f1` and `balanced_accuracy`, each (low, high).
    """
    tn, fp, fn, tp = confusion
    rng = np.random.default_rng(seed)
    hits = rng.binomial(tp + fn, tp / (tp + fn), draws)
    false = rng.binomial(tn + fp, fp / (tn + fp), draws)
    called = (tp + fn) + hits + false
    return {
        "f1": _percentiles(2 * hits / called, confidence),
        "balanced_accuracy": _percentiles((hits / (tp + fn) + 1 - false / (tn + fp)) / 2, confidence),
    }


def average_precision_interval(
    y: np.ndarray, score: np.ndarray, *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """Return the bootstrap's percentile interval of the average precision, each class in its own number.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
    confidence : float
    draws : int
    seed : int

    Returns
    -------
    (float, float)
    """
    order = np.argsort(-score, kind="stable")
    y, last = y[order], np.append(np.diff(score[order]) != 0, True)
    rng = np.random.default_rng(seed)
    by_class = [np.flatnonzero(y == value) for value in (0, 1)]
    counts = np.zeros(len(y), int)
    found = np.empty(draws)
    for draw in range(draws):
        for rows in by_class:
            counts[rows] = np.bincount(rng.integers(len(rows), size=len(rows)), minlength=len(rows))
        found[draw] = weighted_average_precision(y, counts, last)
    return _percentiles(found, confidence)


def weighted_average_precision(y: np.ndarray, counts: np.ndarray, last: np.ndarray) -> float:
    """Return the average precision of images that occur several times or not at all.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
        Highest score first.
    counts : int array, shape (n,)
        How often each image occurs.
    last : bool array, shape (n,)
        The last of each group of equal scores, which come in together.

    Returns
    -------
    float
    """
    found, called = np.cumsum(counts * y)[last], np.cumsum(counts)[last]
    precision = np.divide(found, called, out=np.zeros(len(found)), where=called > 0)
    return float((np.diff(found, prepend=0) * precision).sum() / found[-1])


def _percentiles(figures: np.ndarray, confidence: float) -> tuple[float, float]:
    low, high = np.quantile(figures, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)

"""Intervals of figures between 0 and 1 that keep a width at 0 and at 1, for images alone or in groups."""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint


def wilson_interval(count: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a proportion, such as an accuracy or an escape rate.

    Parameters
    ----------
    count, n : float
        Successes and trials, not necessarily whole; no trials give (0, 1).
    confidence : float

    Returns
    -------
    (float, float)

    Examples
    --------
    >>> low, high = wilson_interval(0, 100)
    >>> low, round(high, 3)
    (0.0, 0.037)
    """
    if n <= 0:
        return 0.0, 1.0
    low, high = proportion_confint(count, n, alpha=1 - confidence, method="wilson")
    # At 0 and at all trials the bound is exact; rounding must not move it.
    return (0.0 if count <= 0 else max(0.0, float(low))), (1.0 if count >= n else min(1.0, float(high)))


def proportion_interval(
    hits: np.ndarray, groups: np.ndarray | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Return Wilson's interval of the share of hits, in groups with their effective number of trials.

    Parameters
    ----------
    hits : bool array, shape (n,)
    groups : array, shape (n,), optional
    confidence : float

    Returns
    -------
    (float, float)

    References
    ----------
    Korn and Graubard, Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data, Survey Methodology 24, 1998.
    """
    hits = np.asarray(hits, float)
    if not len(hits):
        return 0.0, 1.0
    trials = effective_size(hits, groups, confidence)
    share = float(hits.mean())
    return wilson_interval(share * trials if share < 1 else trials, trials, confidence)


def effective_size(values: np.ndarray, groups: np.ndarray | None, confidence: float = 0.95) -> float:
    """Return how many independent images say as much about a mean as images in groups do.

    Parameters
    ----------
    values : float array, shape (n,)
        Between 0 and 1.
    groups : array, shape (n,), optional
    confidence : float
        For the part of Student's t in place of the normal distribution.

    Returns
    -------
    float
        n without groups; the number of groups where all values are equal.
    """
    n = len(values)
    if groups is None or not n:
        return float(n)
    names, codes = np.unique(groups, return_inverse=True)
    count = len(names)
    if count < 2:
        return 1.0
    mean = float(np.mean(values))
    variance = count / (count - 1) * float((np.bincount(codes, weights=values - mean) ** 2).sum()) / n**2
    alone = float(np.var(values)) / n
    size = float(count) if alone <= 0 or variance <= 0 else min(float(n), n * alone / variance)
    quantile = 0.5 + confidence / 2
    few = (norm.ppf(quantile) / student.ppf(quantile, count - 1)) ** 2
    return float(max(1.0, size * few)) if count < n else float(n)


def mean_interval(
    values: np.ndarray, groups: np.ndarray | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Return an interval of the mean of values between 0 and 1, such as squared errors of probabilities.

    Student's t; where it reaches beyond 0 or 1, or all values are equal, together with Wilson's interval,
    which holds for values between 0 and 1 because none vary more than zeros and ones.

    Parameters
    ----------
    values : float array, shape (n,)
    groups : array, shape (n,), optional
    confidence : float

    Returns
    -------
    (float, float)
    """
    values = np.asarray(values, float)
    names, codes = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)
    n, count = len(values), len(names)
    if not n:
        return 0.0, 1.0
    mean = float(values.mean())
    if count > 1:
        residuals = np.bincount(codes, weights=values - mean)
        error = np.sqrt(count / (count - 1) * float((residuals**2).sum())) / n
        reach = float(student.ppf(0.5 + confidence / 2, count - 1)) * float(error)
        low, high = mean - reach, mean + reach
        if error > 1e-12 and low >= 0 and high <= 1:
            return low, high
    else:
        low = high = mean
    other_low, other_high = wilson_interval(mean * count, count, confidence)
    return max(0.0, min(low, other_low)), min(1.0, max(high, other_high))


def score_auc_interval(auc: float, m: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of an area under the ROC curve, from the area and the class sizes alone.

    The areas that lie no further from the observed one than this number of their own standard errors, which
    Hanley and McNeil's formula gives with both class sizes replaced by their mean.

    Parameters
    ----------
    auc : float
    m, n : float
        Number of images of each class, one at least.
    confidence : float

    Returns
    -------
    (float, float)

    References
    ----------
    Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2,
    Statistics in Medicine 25, 2006 (method 5).

    Examples
    --------
    >>> low, high = score_auc_interval(1.0, 5, 5)
    >>> round(low, 2), high
    (0.65, 1.0)
    """
    z2 = float(norm.ppf(0.5 + confidence / 2)) ** 2
    extra = (m + n) / 2 - 1

    def lower(area: float) -> float:
        def beyond(theta: float) -> float:
            spread = 1 + extra * ((1 - theta) / (2 - theta) + theta / (1 + theta))
            return (area - theta) ** 2 - z2 * theta * (1 - theta) * spread / (m * n)

        return float(brentq(beyond, 0.0, min(area, 1 - 1e-12))) if area > 1e-12 else 0.0

    return lower(auc), 1 - lower(1 - auc)

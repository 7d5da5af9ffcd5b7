"""DeLong's variance of the area under the ROC curve, by midranks, for images alone or in groups.

DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver operating
characteristic curves, Biometrics 44, 1988. The fast form is Sun and Xu's, Fast implementation of DeLong's
algorithm, IEEE Signal Processing Letters 21, 2014. For groups: Obuchowski, Nonparametric analysis of
clustered ROC curve data, Biometrics 53, 1997.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata
from scipy.stats import t as student

from results.notes import MANY_GROUPS
from results.statistics.bounded import score_auc_interval
from results.statistics.resampled import bootstrap_auc_interval

#: Variances below are rounding.
TINY = 1e-15


@dataclass(frozen=True, eq=False)
class Areas:
    """Areas under the ROC curves of several models on the same images.

    Parameters
    ----------
    auc : float array, shape (k,)
    of_defects, of_good : float array, shape (k, k)
        The parts of the areas' covariance that come from the choice of defects and of good images.
    between : float array, shape (k, k)
        The part that comes from groups with both; zero without groups.
    defects, good : int
        Independent units with defects, with good images: images, or groups.
    units : int
        Independent units in all.
    grouped : bool
    """

    auc: np.ndarray
    of_defects: np.ndarray
    of_good: np.ndarray
    between: np.ndarray
    defects: int
    good: int
    units: int
    grouped: bool

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the areas, float array of shape (k, k)."""
        return self.of_defects + self.of_good + self.between

    @property
    def freedom(self) -> float:
        """Degrees of freedom: infinite for images and for 30 groups or more, else the fewer groups less 1."""
        few = self.grouped and self.units < MANY_GROUPS
        return float(min(self.defects, self.good) - 1) if few else float("inf")


def areas_of(y: np.ndarray, scores: np.ndarray, groups: np.ndarray | None = None) -> Areas:
    """Return the areas of several models on the same images and the parts of their covariance.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    scores : float array, shape (k, n)
        Higher is more defective; ties count half.
    groups : array, shape (n,), optional
        Images of one group depend on each other, those of two groups do not.

    Returns
    -------
    Areas

    Raises
    ------
    ValueError
        When fewer than two images, or groups with images, of a class are there.
    """
    y = np.asarray(y)
    positive = y == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        raise ValueError(f"{m} positive and {n} negative images: two of each are needed")
    scores = np.atleast_2d(np.asarray(scores, float))
    of_positive, of_negative = placements(positive, scores)
    auc = of_positive.mean(axis=1)
    if groups is None:
        parts = (np.atleast_2d(np.cov(of_positive)) / m, np.atleast_2d(np.cov(of_negative)) / n)
        return Areas(auc, *parts, np.zeros_like(parts[0]), m, n, m + n, False)
    names, codes = np.unique(groups, return_inverse=True)
    of_both = [
        _sums(values - auc[:, None], codes[rows], len(names))
        for values, rows in ((of_positive, positive), (of_negative, ~positive))
    ]
    with_defects, with_good = (len(np.unique(codes[rows])) for rows in (positive, ~positive))
    if min(with_defects, with_good) < 2:
        raise ValueError(
            f"{with_defects} groups with positive and {with_good} with negative images: two each are needed"
        )
    p, q = of_both
    cross = len(names) / (len(names) - 1) * (p @ q.T) / (m * n)
    return Areas(
        auc,
        with_defects / (with_defects - 1) * (p @ p.T) / m**2,
        with_good / (with_good - 1) * (q @ q.T) / n**2,
        cross + cross.T,
        with_defects,
        with_good,
        len(names),
        True,
    )


def placements(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of the other class that each image is ranked on the right side of.

    Parameters
    ----------
    positive : bool array, shape (n,)
        Both values occur.
    scores : float array, shape (k, n)

    Returns
    -------
    of_positive : float array, shape (k, number of positive images)
    of_negative : float array, shape (k, number of negative images)

    Examples
    --------
    >>> of_positive, of_negative = placements(np.array([True, True, False]), np.array([[3.0, 1.0, 2.0]]))
    >>> of_positive.tolist(), of_negative.tolist()
    ([[1.0, 0.0]], [[0.5]])
    """
    m, n = int(positive.sum()), int((~positive).sum())
    ordered = np.concatenate([scores[:, positive], scores[:, ~positive]], axis=1)
    among_all = rankdata(ordered, axis=1)
    of_positive = (among_all[:, :m] - rankdata(ordered[:, :m], axis=1)) / n
    of_negative = 1 - (among_all[:, m:] - rankdata(ordered[:, m:], axis=1)) / m
    return of_positive, of_negative


def auc_covariance(
    y: np.ndarray, scores: np.ndarray, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas of several models on the same images and their covariance; see `areas_of`.

    Returns
    -------
    auc : float array, shape (k,)
    covariance : float array, shape (k, k)
    """
    areas = areas_of(y, scores, groups)
    return areas.auc, areas.covariance


def auc_interval(
    y: np.ndarray, score: np.ndarray, confidence: float = 0.95, groups: np.ndarray | None = None
) -> tuple[float, float]:
    """Return an interval of the area under the ROC curve.

    DeLong's, where it keeps within 0 and 1. Where it reaches beyond, or has no width, the normal
    distribution does not hold; the interval is then the score interval of
    `results.statistics.bounded.score_auc_interval`, so that an area of 1 has an interval below 1.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
    confidence : float
    groups : array, shape (n,), optional
        With 30 groups or more, groups are drawn anew (cluster bootstrap); with fewer the interval is
        Obuchowski's with Student's t.

    Returns
    -------
    (float, float)

    Raises
    ------
    ValueError
        When fewer than two images, or groups with images, of a class are there.
    """
    areas = areas_of(y, score, groups)
    auc, variance = float(areas.auc[0]), float(areas.covariance[0, 0])
    reach = float(_quantile(0.5 + confidence / 2, areas.freedom)) * np.sqrt(max(variance, 0.0))
    low, high = auc - reach, auc + reach
    if low < 0 or high > 1 or variance <= TINY:
        return score_auc_interval(auc, areas.defects, areas.good, confidence)
    if groups is not None and areas.units >= MANY_GROUPS:
        return bootstrap_auc_interval(y, score, groups, confidence=confidence)
    return float(low), float(high)


def delong_test(
    y: np.ndarray, first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None
) -> tuple[float, float]:
    """Test whether two models have the same area on the same images.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    first, second : float array, shape (n,)
    groups : array, shape (n,), optional
        With fewer than 30 groups the statistic is compared with Student's t.

    Returns
    -------
    z : float
        Positive when the first area is larger.
    p : float
        Two-sided; 1 when both rank every pair of images alike. Where the difference has no variance, p is
        that of the exact test that swaps the two models on each image or group.
    """
    areas = areas_of(y, np.stack([first, second]), groups)
    covariance = areas.covariance
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    difference = areas.auc[0] - areas.auc[1]
    if variance <= TINY:
        if abs(difference) < 1e-12:
            return 0.0, 1.0
        p = smallest_p(areas.units)
        return float(np.sign(difference) * norm.isf(p)), min(1.0, 2 * p)
    z = float(difference / np.sqrt(variance))
    one_sided = norm.sf(abs(z)) if np.isinf(areas.freedom) else student.sf(abs(z), areas.freedom)
    return z, float(2 * one_sided)


def smallest_p(units: int) -> float:
    """Return the smallest one-sided p-value of a test that swaps two models on each of these units."""
    return float(max(2.0**-units, np.finfo(float).tiny))


def _quantile(probability: float, freedom: float) -> float:
    return float(norm.ppf(probability) if np.isinf(freedom) else student.ppf(probability, max(freedom, 1)))


def _sums(values: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """Return the sums of the columns of each group, shape (k, count)."""
    sums = np.zeros((len(values), count))
    np.add.at(sums.T, codes, values.T)
    return sums

"""The models that cannot be told from the best, where the data also choose the best."""

from collections.abc import Mapping

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from results.statistics.delong import TINY, Areas, areas_of, smallest_p

DRAWS = 10_000


def best_group(
    y: np.ndarray,
    scores: Mapping[str, np.ndarray],
    level: float = 0.05,
    groups: np.ndarray | None = None,
    *,
    seed: int = 0,
) -> list[str]:
    """Return the model of the largest area under the ROC curve and all that cannot be told from it.

    The best model is chosen on the data that it is compared on, so comparing the others with it alone
    would exclude too many. Every model is compared with every other: it is excluded when some model is
    better by more standard errors than the largest of all such differences would reach by chance. That
    quantile comes from the joint normal distribution of all areas with DeLong's covariance; it is taken
    again over the models that are left until none is excluded. Whichever models share the largest area in
    the population, the probability that any of them is excluded is at most `level`.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    scores : mapping of name to float array (n,)
    level : float
        Family-wise error.
    groups : array, shape (n,), optional
        Images of one group depend on each other.
    seed : int
        Of the draws from the normal distribution.

    Returns
    -------
    list of str
        In the order of `scores`.

    Raises
    ------
    ValueError
        When fewer than two images, or groups with images, of a class are there.

    References
    ----------
    Hsu, Multiple comparisons: theory and methods, Chapman and Hall 1996. Romano and Wolf, Exact and
    approximate stepdown methods for multiple hypothesis testing, JASA 100, 2005.
    """
    names = list(scores)
    if len(names) < 2:
        return names
    areas = areas_of(y, np.stack([scores[name] for name in names]), groups)
    beaten = _statistics(areas).max(axis=1)
    chance = _largest_by_chance(areas.covariance, seed)
    # Differences without variance never occur in the draws: Bonferroni's limit over all pairs covers them.
    exact = norm.isf(level / (len(names) * (len(names) - 1))) if _any_without_variance(areas) else 0.0
    left = np.arange(len(names))
    while len(left) > 1:
        limit = max(exact, float(np.quantile(chance[:, left].max(axis=1), 1 - level)))
        kept = left[beaten[left] <= limit]
        if len(kept) == len(left):
            break
        left = kept
    return [names[number] for number in left]


def _statistics(areas: Areas) -> np.ndarray:
    """Return by how many standard errors each model (rows) is beaten by each other, shape (k, k).

    Standard errors from few images vary themselves: each statistic is moved to the normal quantile of its
    p-value under Student's t, with Satterthwaite's degrees of freedom from both classes.
    """
    of_defects, of_good = _of_differences(areas.of_defects), _of_differences(areas.of_good)
    variance = _of_differences(areas.covariance)
    difference = areas.auc[None, :] - areas.auc[:, None]
    known = variance > TINY
    z = np.divide(difference, np.sqrt(np.maximum(variance, TINY)), where=known, out=np.zeros_like(difference))
    parts = of_defects**2 / max(areas.defects - 1, 1) + of_good**2 / max(areas.good - 1, 1)
    freedom = np.divide(
        (of_defects + of_good) ** 2, parts, where=parts > TINY**2, out=np.full_like(parts, np.inf)
    )
    freedom = np.clip(np.minimum(freedom, areas.freedom), 1, 1e9)
    found = np.sign(z) * norm.isf(np.maximum(student.sf(np.abs(z), freedom), np.finfo(float).tiny))
    # A difference without variance: as surely as swapping the two models on each image can say.
    exact = float(norm.isf(smallest_p(areas.units)))
    return np.where(known, found, np.where(np.abs(difference) < 1e-12, 0.0, np.sign(difference) * exact))


def _largest_by_chance(covariance: np.ndarray, seed: int) -> np.ndarray:
    """Return draws of the most standard errors by which each model is beaten, all being equal, (draws, k)."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    drawn = np.random.default_rng(seed).normal(size=(DRAWS, len(values))) @ root.T
    error = np.sqrt(np.maximum(_of_differences(covariance), TINY))
    largest = np.empty_like(drawn)
    for number in range(len(values)):
        largest[:, number] = ((drawn - drawn[:, [number]]) / error[number]).max(axis=1)
    return largest


def _any_without_variance(areas: Areas) -> bool:
    apart = np.abs(areas.auc[:, None] - areas.auc[None, :]) > 1e-12
    return bool((apart & (_of_differences(areas.covariance) <= TINY)).any())


def _of_differences(covariance: np.ndarray) -> np.ndarray:
    """Return the variances of all differences, shape (k, k)."""
    own = np.diag(covariance)
    return own[:, None] + own[None, :] - 2 * covariance

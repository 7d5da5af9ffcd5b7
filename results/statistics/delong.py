"""DeLong's variance of the area under the ROC curve, by midranks.

DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver operating
characteristic curves, Biometrics 44, 1988. The fast form is Sun and Xu's, Fast implementation of DeLong's
algorithm, IEEE Signal Processing Letters 21, 2014.
"""

import numpy as np
from scipy.stats import norm, rankdata


def auc_covariance(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas of several models on the same images and their covariance.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    scores : float array, shape (k, n)
        Higher is more defective; ties count half.

    Returns
    -------
    auc : float array, shape (k,)
    covariance : float array, shape (k, k)

    Raises
    ------
    ValueError
        When fewer than two images of a class are there.
    """
    positive = np.asarray(y) == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        raise ValueError(f"{m} positive and {n} negative images: two of each are needed")
    scores = np.atleast_2d(np.asarray(scores, float))
    ordered = np.concatenate([scores[:, positive], scores[:, ~positive]], axis=1)
    among_all = rankdata(ordered, axis=1)
    among_positive = rankdata(ordered[:, :m], axis=1)
    among_negative = rankdata(ordered[:, m:], axis=1)
    # Share of the other class that each image is ranked on the right side of.
    of_positive = (among_all[:, :m] - among_positive) / n
    of_negative = 1 - (among_all[:, m:] - among_negative) / m
    covariance = np.atleast_2d(np.cov(of_positive)) / m + np.atleast_2d(np.cov(of_negative)) / n
    return of_positive.mean(axis=1), covariance


def auc_interval(y: np.ndarray, score: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """Return DeLong's interval of the area, cut to 0 and 1.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
    confidence : float

    Returns
    -------
    (float, float)
    """
    auc, covariance = auc_covariance(y, score)
    reach = norm.ppf(0.5 + confidence / 2) * np.sqrt(covariance[0, 0])
    return max(0.0, float(auc[0] - reach)), min(1.0, float(auc[0] + reach))


def delong_test(y: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Test whether two models have the same area on the same images.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    first, second : float array, shape (n,)

    Returns
    -------
    z : float
        Positive when the first area is larger.
    p : float
        Two-sided; 1 when both rank every pair of images alike.
    """
    auc, covariance = auc_covariance(y, np.stack([first, second]))
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    difference = auc[0] - auc[1]
    if variance <= 1e-15:
        return (0.0, 1.0) if abs(difference) < 1e-12 else (float(np.sign(difference) * np.inf), 0.0)
    z = float(difference / np.sqrt(variance))
    return z, float(2 * norm.sf(abs(z)))

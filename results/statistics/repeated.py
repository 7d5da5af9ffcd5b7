"""Models compared over repeated splits of one dataset."""

import numpy as np
from scipy.stats import t as student


def corrected_t_test(
    first: np.ndarray, second: np.ndarray, test_share: float, confidence: float = 0.95
) -> tuple[float, float, tuple[float, float]]:
    """Test whether two models differ, from their figures on repeated splits of one dataset.

    The splits overlap, so their figures vary less than those of new data would; the variance is
    enlarged for that.

    Parameters
    ----------
    first, second : float array, shape (repeats,)
        A figure of each model on each split.
    test_share : float
        Test images divided by the images that were learnt from.
    confidence : float

    Returns
    -------
    difference : float
        Mean of first minus second.
    p : float
        Two-sided; that of the sign test where the differences do not vary.
    interval : (float, float)
        Of the difference.

    Raises
    ------
    ValueError
        For fewer than two repeats.

    References
    ----------
    Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003.
    """
    differences = np.asarray(first, float) - np.asarray(second, float)
    repeats = len(differences)
    if repeats < 2:
        raise ValueError(f"{repeats} repeats: two are needed at least")
    mean = float(differences.mean())
    error = float(np.sqrt(differences.var(ddof=1) * (1 / repeats + test_share)))
    if error <= 1e-12:
        # Differences that do not vary say no more than that all signs agree.
        return mean, 1.0 if abs(mean) <= 1e-12 else min(1.0, 2.0 ** (1 - repeats)), (mean, mean)
    reach = float(student.ppf(0.5 + confidence / 2, repeats - 1)) * error
    p = float(2 * student.sf(abs(mean) / error, repeats - 1))
    return mean, p, (mean - reach, mean + reach)

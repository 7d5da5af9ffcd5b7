"""An interval for one further value of a small sample."""

from collections.abc import Sequence

import numpy as np


def prediction_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the interval in which one further value of the same normal distribution lies.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        At least two independent values.
    level : float
        Probability that a further value lies in the interval.

    Returns
    -------
    (float, float)
        mean -/+ t s sqrt(1 + 1 / n), with the standard deviation s and Student's t of n - 1 degrees of
        freedom.

    Raises
    ------
    ValueError
        For fewer than two values.

    References
    ----------
    Hahn and Meeker, Statistical intervals, Wiley 1991, section 4.7.

    Examples
    --------
    >>> [round(bound, 3) for bound in prediction_interval([0.90, 0.92, 0.94])]
    [0.821, 1.019]
    """
    return _t_interval(values, level, further=1.0)


def t_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return Student's confidence interval of the mean; the parameters are those of `prediction_interval`.

    Examples
    --------
    >>> [round(bound, 3) for bound in t_interval([0.90, 0.92, 0.94])]
    [0.87, 0.97]
    """
    return _t_interval(values, level, further=0.0)


def _t_interval(values: Sequence[float] | np.ndarray, level: float, further: float) -> tuple[float, float]:
    from scipy.stats import t

    values = np.asarray(values, float)
    n = len(values)
    if n < 2:
        raise ValueError(f"{n} values: an interval needs at least two")
    half = float(t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) * np.sqrt(further + 1 / n))
    mean = float(values.mean())
    return mean - half, mean + half

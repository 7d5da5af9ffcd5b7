"""Thresholds between scores: every rule that chooses one, for decisions on other images."""

from dataclasses import dataclass

import numpy as np

#: Share of good parts called defective where no defect is there to choose a threshold by.
OVERKILL = 0.05


@dataclass(frozen=True, eq=False)
class Cuts:
    """What each possible threshold does to the images that it is chosen on.

    Cut `k` calls `values[k:]` defective, so there is one cut more than there are values.

    Parameters
    ----------
    values : float array, shape (u,)
        The distinct scores, ascending.
    escapes : int array, shape (u + 1,)
        Defects that each cut calls good; never falls with k.
    overkills : int array, shape (u + 1,)
        Good parts that each cut calls defective; never rises with k.
    """

    values: np.ndarray
    escapes: np.ndarray
    overkills: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, score: np.ndarray) -> "Cuts":
        """Return the cuts of scores with their labels."""
        values, inverse = np.unique(np.asarray(score, float), return_inverse=True)
        y = np.asarray(y, int)
        defects = np.bincount(inverse, weights=y, minlength=len(values)).astype(int)
        good = np.bincount(inverse, weights=1 - y, minlength=len(values)).astype(int)
        below = np.concatenate([[0], np.cumsum(defects)])
        return cls(values, below, np.concatenate([[0], np.cumsum(good[::-1])])[::-1])

    def threshold(self, k: int) -> float:
        """Return the threshold of a cut: the middle between the two scores beside it.

        Returns
        -------
        float
            The lowest score for the cut that calls everything defective, the next number above the
            highest score for the cut that calls everything good; NaN without scores.
        """
        if not len(self.values):
            return float("nan")
        if k == 0:
            return float(self.values[0])
        if k == len(self.values):
            return float(np.nextafter(self.values[-1], np.inf))
        return between(float(self.values[k - 1]), float(self.values[k]))

    def limited(self, most_escapes: int) -> int:
        """Return the cut of the least overkill where at most this number of defects escapes.

        Of cuts with equal overkill the lowest is taken: it lets the fewest defects escape.
        """
        highest = int(np.flatnonzero(self.escapes <= most_escapes)[-1])
        return int(np.flatnonzero(self.overkills == self.overkills[highest])[0])


def between(low: float, high: float) -> float:
    """Return a threshold that separates two scores: `low < threshold <= high`.

    Parameters
    ----------
    low, high : float
        low < high.

    Returns
    -------
    float
        The middle; `high` where the middle rounds to `low`.

    Examples
    --------
    >>> between(0.25, 0.75)
    0.5
    """
    middle = low / 2 + high / 2
    return middle if low < middle <= high else high


def choose_threshold(y: np.ndarray, score: np.ndarray) -> float:
    """Return the threshold of the highest accuracy.

    Among equally accurate thresholds the lowest is taken, because an escaped defect costs more than an
    overkill.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
        An image is called defective when its score reaches the threshold.

    Returns
    -------
    float
        In the middle between two scores; NaN without images.

    Examples
    --------
    >>> choose_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]))
    0.4
    """
    cuts = Cuts.of(y, score)
    return cuts.threshold(int(np.argmin(cuts.escapes + cuts.overkills)))


def good_threshold(score: np.ndarray, overkill: float = OVERKILL) -> float:
    """Return the threshold that at most this share of new good parts is expected to reach.

    With n scores it lies above the ceil((n + 1) (1 - overkill))-th smallest.

    Parameters
    ----------
    score : float array, shape (n,)
        Scores of good parts.
    overkill : float
        Between 0 and 1.

    Returns
    -------
    float
        In the middle between two scores. Above the highest score where there are fewer than
        1 / overkill - 1 of them, which cannot promise this share; NaN without scores.

    References
    ----------
    Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005 (inductive conformal prediction).

    Examples
    --------
    >>> good_threshold(np.arange(99.0))
    94.5
    """
    cuts = Cuts.of(np.zeros(len(score), int), score)
    allowed = len(score) - int(np.ceil((len(score) + 1) * (1 - overkill) - 1e-9))
    return cuts.threshold(int(np.flatnonzero(cuts.overkills <= max(allowed, 0))[0]))


def valid_threshold(y: np.ndarray, score: np.ndarray) -> float:
    """Return the threshold that the valid split chooses.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)

    Returns
    -------
    float
        That of `choose_threshold`; that of `good_threshold` where no defect is among the images.

    Examples
    --------
    >>> valid_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]))
    0.4
    >>> valid_threshold(np.zeros(99), np.arange(99.0))
    94.5
    """
    return choose_threshold(y, score) if np.any(np.asarray(y) == 1) else good_threshold(score)


def cheapest_threshold(y: np.ndarray, score: np.ndarray, escape_cost: float, overkill_cost: float) -> float:
    """Return the threshold of the smallest cost; of equally cheap ones the lowest.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
        An image is called defective when its score reaches the threshold.
    escape_cost, overkill_cost : float
        Of one image.

    Returns
    -------
    float
        In the middle between two scores; NaN without images.
    """
    cuts = Cuts.of(y, score)
    cost = escape_cost * cuts.escapes + overkill_cost * cuts.overkills
    return cuts.threshold(int(np.flatnonzero(cost <= cost.min() + 1e-9)[0]))


def limited_threshold(y: np.ndarray, score: np.ndarray, most_escapes: int) -> float:
    """Return the threshold of the least overkill where at most this number of defects escapes.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
        An image is called defective when its score reaches the threshold.
    most_escapes : int

    Returns
    -------
    float
        In the middle between two scores; of thresholds with equal overkill the lowest. NaN without images.
    """
    cuts = Cuts.of(y, score)
    return cuts.threshold(cuts.limited(most_escapes))

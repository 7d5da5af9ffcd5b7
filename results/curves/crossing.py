"""The number of labels at which one learning curve passes another, with a bootstrap interval."""

from dataclasses import dataclass

import numpy as np

from results.curves.learner import Learner, draw_weights, image_weights, spread_factor

REPLICATES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Crossing:
    """Where the network's area passes the head's.

    Parameters
    ----------
    head, network : str
        Names of the rows.
    smallest, largest : float
        The range of labels that both rows were measured on.
    at : float
        Labels at the crossing: 0 where the network is ahead at every size, infinite where the head is.
    low, high : float
        95% interval; 0 and infinite where it reaches beyond the measured sizes.
    difference, difference_low, difference_high : float
        Network's area minus the head's at the largest size, with its 95% interval.
    sizes, ahead : int
        Sizes that both rows were measured at, and at how many of them the network's mean area is larger.
    """

    head: str
    network: str
    smallest: float
    largest: float
    at: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    sizes: int
    ahead: int

    @property
    def crosses(self) -> bool:
        """Whether the curves cross within the measured sizes."""
        return 0 < self.at < np.inf


def crossing_of(
    head: Learner, network: Learner, *, replicates: int = REPLICATES, seed: int = 0
) -> Crossing | None:
    """Return the number of labels at which the network's area passes the head's.

    The difference of the mean areas is made to rise with the number of labels (isotonic regression, weighted
    by precision) and interpolated between sizes on a logarithmic scale. The interval is that of a bootstrap
    which draws test images (or groups) and draws anew, the same ones for both rows and all sizes. At a size
    that was measured once, the spread of the draws at the next smaller size stands in for its own.

    Parameters
    ----------
    head, network : Learner
        Scored on the same test images.
    replicates : int
    seed : int

    Returns
    -------
    Crossing or None
        None with fewer than two sizes that both have, or a test split of one class.
    """
    sizes = [size for size in head.sizes if size in network.scores]
    if len(sizes) < 2 or len(set(head.y)) < 2:
        return None
    labels = np.array([(head.labels[size] + network.labels[size]) / 2 for size in sizes])
    measured, drawn = _differences(head, network, sizes, replicates, np.random.default_rng(seed))
    precision = 1 / np.maximum(drawn.var(axis=0), 1e-12)
    at = _cross(labels, measured[None], precision)[0]
    crossings = _cross(labels, drawn, precision)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn[:, -1], (tail, 1 - tail))
    return Crossing(
        head.words,
        network.words,
        float(labels[0]),
        float(labels[-1]),
        float(at),
        float(np.quantile(crossings, tail, method="lower")),
        float(np.quantile(crossings, 1 - tail, method="higher")),
        float(measured[-1]),
        float(low),
        float(high),
        len(sizes),
        int((measured > 0).sum()),
    )


def mean_areas(learner: Learner, replicates: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a learner's mean area at each size, shape (k,), and its bootstrap, shape (replicates, k)."""
    images = image_weights(learner.y, learner.groups, replicates, rng)
    draws = sorted({draw for found in learner.scores.values() for draw in found})
    several = [draw for draw in draws if sum(draw in found for found in learner.scores.values()) > 1]
    weights = draw_weights([several or draws], replicates, rng)
    means, drawn = [], []
    for size in learner.sizes:
        mean, resampled = _mean_area(learner, size, images, weights)
        means.append(mean)
        drawn.append(resampled)
    single = [place for place, size in enumerate(learner.sizes) if len(learner.scores[size]) == 1]
    spread = _spread([learner], learner.sizes)
    for place in single:
        drawn[place] = drawn[place] + spread * rng.normal(size=replicates)
    return np.array(means), np.stack(drawn, axis=1)


def isotonic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the non-decreasing rows nearest to these, by weighted least squares.

    Parameters
    ----------
    values : float array, shape (b, k)
    weights : float array, shape (k,)

    Returns
    -------
    float array, shape (b, k)

    Examples
    --------
    >>> isotonic(np.array([[1.0, 3.0, 2.0]]), np.ones(3)).tolist()
    [[1.0, 2.5, 2.5]]
    """
    b, k = values.shape
    total = np.concatenate([[0], np.cumsum(weights)])
    summed = np.concatenate([np.zeros((b, 1)), np.cumsum(values * weights, axis=1)], axis=1)
    # The largest, over starts up to here, of the smallest mean over ends from here (the min-max formula).
    found = np.full((b, k), -np.inf)
    for start in range(k):
        means = (summed[:, start + 1 :] - summed[:, [start]]) / (total[start + 1 :] - total[start])
        smallest = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        found[:, start:] = np.maximum(found[:, start:], smallest)
    return found


def _cross(labels: np.ndarray, differences: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return where each row of differences passes zero, interpolated in the logarithm of the labels."""
    rising = isotonic(differences, weights)
    x = np.log(labels)
    after = (rising < 0).sum(axis=1)
    found = np.where(after == 0, 0.0, np.inf)
    inside = (after > 0) & (after < len(labels))
    rows, right = np.flatnonzero(inside), after[inside]
    below, above = rising[rows, right - 1], rising[rows, right]
    share = -below / (above - below)
    found[inside] = np.exp(x[right - 1] + share * (x[right] - x[right - 1]))
    return found


def _differences(
    head: Learner, network: Learner, sizes: list[int], replicates: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the difference of the mean areas at each size, and its bootstrap of shape (replicates, k)."""
    images = image_weights(head.y, head.groups, replicates, rng)
    draws = [{draw for size in sizes if len(each.scores[size]) > 1 for draw in each.scores[size]}
             for each in (head, network)]  # fmt: skip
    both = draws[0] & draws[1]
    # Draws that both rows have are subsets that both learnt, so they are drawn together.
    weights = draw_weights([sorted(both), sorted(draws[0] - both), sorted(draws[1] - both)], replicates, rng)
    means, drawn = [], []
    for size in sizes:
        (of_head, drawn_head), (of_network, drawn_network) = (
            _mean_area(each, size, images, weights) for each in (head, network)
        )
        single = [each for each in (head, network) if len(each.scores[size]) == 1]
        missing = _spread(single, sizes) * rng.normal(size=replicates) if single else 0.0
        means.append(of_network - of_head)
        drawn.append(drawn_network - drawn_head + missing)
    return np.array(means), np.stack(drawn, axis=1)


def _mean_area(
    learner: Learner, size: int, images: np.ndarray, weights: dict[int, np.ndarray]
) -> tuple[float, np.ndarray]:
    """Return the mean area of a size over its draws, and its bootstrap, shape (replicates,)."""
    found = learner.areas[size]
    areas = np.array([area for area, _ in found.values()])
    drawn = areas + images @ np.stack([values for _, values in found.values()], axis=1)
    if len(found) == 1:
        return float(areas[0]), drawn[:, 0]
    shares = np.stack([weights[draw] for draw in found], axis=1) / len(found)
    return float(areas.mean()), (shares * drawn).sum(axis=1) + (1 - shares.sum(axis=1)) * areas.mean()


def _spread(learners: list[Learner], sizes: list[int]) -> float:
    """Return the spread over draws of one area, or of the difference of two, at the largest size with draws.

    0 where no size has two draws.
    """
    for size in reversed(sizes):
        common = set.intersection(*(set(each.scores[size]) for each in learners))
        if len(common) > 1:
            areas = [[each.areas[size][draw][0] for draw in sorted(common)] for each in learners]
            values = np.array(areas[0]) - (np.array(areas[1]) if len(areas) > 1 else 0.0)
            n = len(values)
            return float(values.std(ddof=1) * spread_factor(n) / np.sqrt(n / (n - 1)))
    return 0.0

"""The areas of one row of a learning curve, and their bootstrap over draws and test images."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from results.curves.points import Point
from results.errors import PredictionsError
from results.statistics.delong import placements


@dataclass(frozen=True, eq=False)
class Learner:
    """One row of a learning curve: its scores of the test images by size and draw.

    Parameters
    ----------
    words, kind : str
        Name of the row; `head` or `network`.
    y : int array of 0 and 1, shape (n,)
        Test labels.
    groups : str array, shape (n,) or None
        Group of each test image; images of one group depend on each other.
    labels : mapping of int to float
        Labels used, train and valid together, by size; defective ones where the sizes count defects.
    scores : mapping of int to mapping of int to float array, shape (n,)
        Scores of the test images by size and draw.
    valid_auc : float
        Mean area on the valid images of the largest size.
    """

    words: str
    kind: str
    y: np.ndarray
    groups: np.ndarray | None
    labels: Mapping[int, float]
    scores: Mapping[int, Mapping[int, np.ndarray]]
    valid_auc: float = float("nan")

    @property
    def sizes(self) -> list[int]:
        """Sizes in ascending order."""
        return sorted(self.scores)

    @cached_property
    def areas(self) -> dict[int, dict[int, tuple[float, np.ndarray]]]:
        """Area under the ROC curve by size and draw, and the influence of each test image on it, (n,)."""
        return {
            size: {draw: influence(self.y, score) for draw, score in sorted(draws.items())}
            for size, draws in self.scores.items()
        }


def learners_of(points: Iterable[Point], by: str = "images") -> list[Learner]:
    """Return the rows of a learning curve, in the order of their names.

    Parameters
    ----------
    points : iterable of Point
    by : {"images", "defects"}
        Whether labels count images or defects.

    Raises
    ------
    PredictionsError
        When the points were not all measured on the same test images.
    """
    points = list(points)
    _check_tests(points)
    rows: dict[str, list[Point]] = {}
    for point in points:
        rows.setdefault(point.words, []).append(point)
    return [_learner(words, rows[words], by) for words in sorted(rows)]


def influence(y: np.ndarray, score: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the area under the ROC curve and the influence of each image on it.

    Returns
    -------
    auc : float
        NaN with one class.
    values : float array, shape (n,)
        With image i weighted w_i, where the weights of each class have a mean of 1, the area is
        auc + sum(w * values), up to terms of second order. They sum to 0 over each class.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988: the placements of the images.
    """
    positive = np.asarray(y) == 1
    m, n = int(positive.sum()), int((~positive).sum())
    values = np.zeros(len(positive))
    if min(m, n) == 0:
        return float("nan"), values
    of_positive, of_negative = placements(positive, np.asarray(score, float)[None])
    auc = float(of_positive.mean())
    values[positive] = (of_positive[0] - auc) / m
    values[~positive] = (of_negative[0] - auc) / n
    return auc, values


def image_weights(
    y: np.ndarray, groups: np.ndarray | None, replicates: int, rng: np.random.Generator
) -> np.ndarray:
    """Return bootstrap weights of the test images, float array of shape (replicates, n).

    The images of each class are drawn again, or whole groups where there are some; the weights of each
    class have a mean of 1.
    """
    weights = np.empty((replicates, len(y)))
    if groups is None:
        for label in (0, 1):
            rows = np.flatnonzero(y == label)
            weights[:, rows] = rng.multinomial(
                len(rows), np.full(len(rows), 1 / max(len(rows), 1)), replicates
            )
        return weights
    codes = np.unique(groups, return_inverse=True)[1].ravel()
    count = int(codes.max()) + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), replicates).astype(float)
    weights = drawn[:, codes]
    for label in (0, 1):
        rows = np.flatnonzero(y == label)
        mean = weights[:, rows].mean(axis=1, keepdims=True)
        weights[:, rows] = np.where(mean > 0, weights[:, rows] / np.where(mean > 0, mean, 1), 1.0)
    return weights


def draw_weights(
    strata: Sequence[Sequence[int]], replicates: int, rng: np.random.Generator
) -> dict[int, np.ndarray]:
    """Return bootstrap weights of the draws, by draw, each of shape (replicates,) with a mean of about 1.

    Few draws underestimate their own spread, and its estimate is uncertain. The weights vary more to make up
    for it: by the factor of an unbiased variance, and by that of Student's t over the normal distribution.

    Parameters
    ----------
    strata : sequence of sequences of int
        Draws that are drawn again among themselves.
    replicates : int
    rng : Generator

    References
    ----------
    Rao and Wu, Resampling inference with complex survey data, Journal of the American Statistical
    Association 83, 1988.
    """
    weights: dict[int, np.ndarray] = {}
    for draws in strata:
        n = len(draws)
        drawn = rng.multinomial(n, np.full(n, 1 / max(n, 1)), replicates) if n else np.empty((replicates, 0))
        for place, draw in enumerate(draws):
            weights[draw] = 1 + spread_factor(n) * (drawn[:, place] - 1)
    return weights


def spread_factor(n: int) -> float:
    """Return by how much the bootstrap of n values is spread, so that its interval is Student's."""
    if n < 2:
        return 0.0
    return float(np.sqrt(n / (n - 1)) * student.ppf(0.975, n - 1) / norm.ppf(0.975))


def _check_tests(points: Sequence[Point]) -> None:
    tested = points[0].tested if points else {}
    for point in points:
        if point.tested != tested:
            raise PredictionsError(
                f"{point.words}, size {point.size}, draw {point.draw + 1}: measured on other test images or "
                f"labels than {points[0].words}, size {points[0].size}; measure the curve in a new folder"
            )


def _learner(words: str, points: Sequence[Point], by: str) -> Learner:
    used = ("train", "valid") if by == "images" else ("train_defects", "valid_defects")
    scores: dict[int, dict[int, np.ndarray]] = {}
    labels: dict[int, list[float]] = {}
    for point in points:
        scores.setdefault(point.size, {})[point.draw] = point.scored.score_test
        labels.setdefault(point.size, []).append(sum(point.numbers[name] for name in used))
    first, largest = points[0], max(scores)
    known = [point.scored.valid_auc for point in points if point.size == largest]
    return Learner(
        words,
        first.kind,
        first.scored.y_test,
        first.scored.groups_test,
        {size: float(np.mean(counts)) for size, counts in labels.items()},
        scores,
        float(np.mean(known)),
    )

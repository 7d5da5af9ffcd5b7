"""What a metric is: a function of one model's valid and test scores."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.metrics import roc_auc_score


@dataclass(frozen=True, eq=False)
class Scored:
    """One model's scores, with the threshold that the valid split calls for.

    Parameters
    ----------
    y_valid, y_test : int array of 0 and 1
    score_valid, score_test : float array
        Higher is more defective.
    """

    y_valid: np.ndarray
    score_valid: np.ndarray
    y_test: np.ndarray
    score_test: np.ndarray

    @cached_property
    def threshold(self) -> float:
        """The threshold of the highest accuracy on the valid split."""
        return choose_threshold(self.y_valid, self.score_valid)

    @cached_property
    def valid_auc(self) -> float:
        """Area under the ROC curve on the valid split; NaN when it holds one class."""
        if len(np.unique(self.y_valid)) < 2:
            return float("nan")
        return float(roc_auc_score(self.y_valid, self.score_valid))

    @cached_property
    def predicted(self) -> np.ndarray:
        """int array: 1 where a test score reaches the threshold."""
        return (self.score_test >= self.threshold).astype(int)

    @cached_property
    def confusion(self) -> tuple[int, int, int, int]:
        """Counts (tn, fp, fn, tp) on the test split."""
        y, predicted = self.y_test, self.predicted
        return (
            int(((y == 0) & (predicted == 0)).sum()),
            int(((y == 0) & (predicted == 1)).sum()),
            int(((y == 1) & (predicted == 0)).sum()),
            int(((y == 1) & (predicted == 1)).sum()),
        )


@dataclass(frozen=True)
class Metric:
    """One line of the registry.

    Parameters
    ----------
    name : str
        Column of the leaderboard.
    title : str
        Heading for people.
    compute : callable
        `Scored` to a number.
    higher_is_better : bool or None
        None for counts.
    integer : bool
        Whether it is a count.
    """

    name: str
    title: str
    compute: Callable[[Scored], float]
    higher_is_better: bool | None = True
    integer: bool = False


def choose_threshold(y: np.ndarray, score: np.ndarray) -> float:
    """Return the threshold of the highest accuracy.

    Between two scores any threshold does the same; the middle is taken. Among equally accurate ones
    the lowest wins, because an escaped defect costs more than a part thrown away.

    Parameters
    ----------
    y : int array of 0 and 1
    score : float array
        A part is called defective when its score reaches the threshold.

    Returns
    -------
    float
    """
    values, inverse = np.unique(score, return_inverse=True)
    positives = np.bincount(inverse, weights=y, minlength=len(values))
    negatives = np.bincount(inverse, weights=1 - y, minlength=len(values))
    # right[k]: parts judged rightly when values[k:] are called defective.
    right = np.concatenate([[0], np.cumsum(negatives)]) + np.concatenate(
        [np.cumsum(positives[::-1])[::-1], [0]]
    )
    best = int(np.argmax(right))
    if best == 0:
        return float(values[0])
    if best == len(values):
        return float(np.nextafter(values[-1], np.inf))
    return float(values[best - 1] + (values[best] - values[best - 1]) / 2)

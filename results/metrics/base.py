"""What a metric is: a function of one model's valid and test scores."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from results.metrics.thresholds import valid_threshold
from results.views import SHOWN, View


@dataclass(frozen=True, eq=False)
class Scored:
    """One model's scores, with the threshold that the valid split calls for.

    Parameters
    ----------
    y_valid, y_test : int array of 0 and 1
    score_valid, score_test : float array
        Higher is more defective.
    score_kind : {"probability", "decision"}, optional
        What the scores are. Where it is not said, scores within 0 to 1 count as probabilities.
    groups_valid, groups_test : str array, optional
        Group of each image under a group split; figures then count groups, not images, as independent.
    """

    y_valid: np.ndarray
    score_valid: np.ndarray
    y_test: np.ndarray
    score_test: np.ndarray
    score_kind: str | None = None
    groups_valid: np.ndarray | None = None
    groups_test: np.ndarray | None = None

    @cached_property
    def threshold(self) -> float:
        """The threshold that the valid split chooses; see `results.metrics.thresholds.valid_threshold`."""
        return valid_threshold(self.y_valid, self.score_valid)

    @cached_property
    def valid_auc(self) -> float:
        """Area under the ROC curve on the valid split; NaN when it holds one class."""
        if len(np.unique(self.y_valid)) < 2:
            return float("nan")
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(self.y_valid, self.score_valid))

    @property
    def has_both(self) -> bool:
        """Whether the test split holds good parts and defects."""
        return bool((self.y_test == 0).any() and (self.y_test == 1).any())

    @property
    def has_decisions(self) -> bool:
        """Whether there are test images and a threshold to decide with."""
        return bool(len(self.y_test) and np.isfinite(self.threshold))

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
    """One entry of the registry.

    Parameters
    ----------
    name : str
        Column of the leaderboard.
    title : str
        Heading of the column.
    compute : callable
        `Scored` to a number.
    higher_is_better : bool or None
        Which end is better; None when neither is.
    integer : bool
        Whether it is a count.
    reference : callable, optional
        `Scored` to the same number by other code: a library's function or a plain loop. The tests compare
        every metric with its reference, this one or one of `tests/support/references.py`.
    unit : str
        `%` for a share that is shown in percent; empty for a plain number.
    digits : int
        Decimals shown.
    interval : bool
        Whether `results.intervals.intervals_of` returns its 95% interval.
    views : frozenset of View
        Where it is shown besides `leaderboard.csv`.

    Examples
    --------
    >>> Metric("errors", "Errors", lambda scored: sum(scored.confusion[1:3]), False, integer=True).name
    'errors'
    """

    name: str
    title: str
    compute: Callable[[Scored], float]
    higher_is_better: bool | None = True
    integer: bool = False
    reference: Callable[[Scored], float] | None = None
    unit: str = ""
    digits: int = 3
    interval: bool = False
    views: frozenset[View] = SHOWN

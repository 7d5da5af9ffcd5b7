"""What a path is: one call that scores many settings of a fold with few fits."""

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, compute_class_weight
from sklearn.utils.metaestimators import available_if

from classifiers.search.identity import fingerprint


class StepAside(Exception):
    """A path cannot answer a fold exactly; its cells are fitted one by one, without a warning."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One train / test split of the rows.

    Parameters
    ----------
    number : int
    train, test : int arrays
        Row numbers. An overlap and repeated rows (bootstrap) are allowed.
    n : int
        Rows in all.
    """

    number: int
    train: np.ndarray
    test: np.ndarray
    n: int

    def is_partition(self) -> bool:
        """Return whether every row is either trained on or held out, once."""
        if len(self.train) + len(self.test) != self.n:
            return False
        return bool((np.bincount(np.r_[self.train, self.test], minlength=self.n) == 1).all())


@dataclass(frozen=True, eq=False)
class Response:
    """What a fitted model answers for a fold's held-out rows.

    Parameters
    ----------
    decision : float array, shape (n,) or (n, n_classes), optional
        As `decision_function` gives it.
    proba : float array, shape (n, n_classes), optional
        As `predict_proba` gives it.
    zero_is_positive : bool
        Whether a decision value of exactly 0 predicts the second class, as in LIBSVM.
    """

    decision: np.ndarray | None = None
    proba: np.ndarray | None = None
    zero_is_positive: bool = False

    def is_finite(self) -> bool:
        """Return whether every value is a number."""
        values = [each for each in (self.decision, self.proba) if each is not None]
        return bool(values) and all(np.isfinite(each).all() for each in values)


@dataclass(eq=False)
class Problem:
    """What is searched: a model behind transformers, rows, and the resources to use.

    Parameters
    ----------
    prefix : Pipeline or None
        The steps before the model, unfitted; they are fitted on each fold's training rows.
    data : array-like or DataFrame, shape (n, d)
        The rows as they were given; the prefix sees these.
    X : float array, shape (n, d)
        The rows as a matrix.
    y : array, shape (n,)
        Class labels.
    train_rows : int
        Training rows of the largest fold.
    threads : int
        Threads that one call may use.
    accelerate : bool
        Whether scikit-learn-intelex may stand in for scikit-learn.
    device : str
        `cpu`, `cuda` or `cpu-torch`.
    memory_bytes : int
        What the search may use besides `X`.
    """

    prefix: Pipeline | None
    data: Any
    X: np.ndarray
    y: np.ndarray
    train_rows: int
    threads: int = 1
    accelerate: bool = True
    device: str = "cpu"
    memory_bytes: int = 4 << 30
    _folds: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.classes, self.codes = np.unique(self.y, return_inverse=True)

    def rows(self, fold: Fold) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (X_train, codes_train, X_test) of a fold, transformed by the prefix.

        Folds are kept while they need little memory, so that the calls on one share the transformation.

        Raises
        ------
        StepAside
            When the prefix yields anything but finite numbers in a plain array.
        """
        with self._lock:
            if fold.number not in self._folds:
                limit = max(2, self.memory_bytes // (4 * self.X.nbytes + 1))
                while len(self._folds) >= limit:
                    self._folds.pop(next(iter(self._folds)))
                self._folds[fold.number] = self._transform(fold)
            X_train, X_test = self._folds[fold.number]
        return X_train, self.codes[fold.train], X_test

    def _transform(self, fold: Fold) -> tuple[np.ndarray, np.ndarray]:
        if self.prefix is None:
            return self.X[fold.train], self.X[fold.test]
        prefix = clone(self.prefix)
        train = prefix.fit_transform(_safe_indexing(self.data, fold.train), self.y[fold.train])
        return _checked(train), _checked(prefix.transform(_safe_indexing(self.data, fold.test)))

    def class_weights(self, weight: Any, fold: Fold) -> np.ndarray:
        """Return scikit-learn's weight of each class on a fold's training rows, shape (n_classes,).

        Raises
        ------
        StepAside
            When a weight is not positive.
        ValueError
            When a dict names no class of the data.
        """
        weights = compute_class_weight(weight, classes=self.classes, y=self.y[fold.train])
        if not (np.isfinite(weights).all() and (weights > 0).all()):
            raise StepAside("a class weight is not positive")
        return np.asarray(weights, np.float64)


def _checked(values: Any) -> np.ndarray:
    """Return what a prefix has made as a float matrix that a path can use."""
    if type(values) is not np.ndarray or values.ndim != 2 or not values.size:
        raise StepAside("the steps before the model yield no plain matrix")
    if values.dtype.kind in "iub":
        values = values.astype(np.float64)
    if values.dtype not in (np.float32, np.float64) or not np.isfinite(values).all():
        raise StepAside("the steps before the model yield no finite numbers")
    return values


class Path(ABC):
    """Scores every setting of a fold that differs only in the parameters it runs along.

    Parameters
    ----------
    problem : Problem
    """

    #: Parameters of the model that one call covers.
    along: frozenset[str] = frozenset()

    #: Parameters that the path follows; a model with any other away from its default is fitted singly.
    understood: frozenset[str] = frozenset()

    #: Whether calls must come one after the other from the main thread, each on all threads.
    alone: bool = False

    def __init__(self, problem: Problem):
        self.problem = problem

    def takes(self, model: BaseEstimator) -> bool:
        """Return whether the path can score a setting exactly; others are fitted one by one."""
        return changed_parameters(model) <= self.understood and self.can_answer(model)

    def can_answer(self, model: Any) -> bool:
        """Return whether the path can score a setting of the parameters that it follows."""
        return True

    def block(self, model: BaseEstimator) -> Hashable:
        """Return what settings must share to be scored by one call."""
        params = model.get_params(deep=False)
        return fingerprint({name: value for name, value in params.items() if name not in self.along})

    def cost(self, model: Any) -> float:
        """Guess how long a block with this setting takes, in any unit; the longest start first."""
        return 1.0

    def bytes_per_call(self, threads: int) -> int:
        """Estimate the memory that a call on one fold needs besides `X`."""
        return 3 * self.problem.X.nbytes

    def is_batched(self) -> bool:
        """Return whether `run_batched` is to be used in place of `run`."""
        return False

    def run_batched(
        self, folds: Sequence[Fold], models: Sequence[Any]
    ) -> tuple[list[list[Response | None]], int]:
        """Do for all folds at once what `run` does for one; a list of responses for each fold."""
        raise NotImplementedError

    @abstractmethod
    def run(self, fold: Fold, models: Sequence[Any]) -> tuple[list[Response | None], int]:
        """Fit what is needed on the fold's training rows.

        Parameters
        ----------
        fold : Fold
        models : sequence of estimators
            The settings, unfitted, all of one block.

        Returns
        -------
        responses : list of Response or None
            One for each setting, on the fold's test rows; None for a setting that has turned out to
            be one the path cannot answer exactly.
        fits : int
            Models fitted.

        Raises
        ------
        StepAside
            When no setting can be answered exactly on this fold.
        """


def changed_parameters(model: BaseEstimator) -> set[str]:
    """Return the parameters of a model that differ from its class's defaults."""
    defaults = type(model)().get_params(deep=False)
    return {
        name
        for name, value in model.get_params(deep=False).items()
        if name not in defaults or not _is_same(value, defaults[name])
    }


def _is_same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) is not type(default) and not (is_number(value) and is_number(default)):
        return False
    if isinstance(value, float) and isinstance(default, float) and math.isnan(value):
        return math.isnan(default)
    return bool(value == default)


def is_number(value: Any) -> bool:
    """Return whether a value is an int or a float, and not a bool."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _has_decision(model: "HeldOut") -> bool:
    return model.response.decision is not None


def _has_proba(model: "HeldOut") -> bool:
    return model.response.proba is not None


class HeldOut(ClassifierMixin, BaseEstimator):
    """Stands in for a fitted model where a scorer asks for its answers on the held-out rows.

    Parameters
    ----------
    classes : array
    response : Response
    """

    def __init__(self, classes: np.ndarray, response: Response):
        self.classes = classes
        self.response = response

    @property
    def classes_(self) -> np.ndarray:
        """The classes, in the order of the response's columns."""
        return self.classes

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @available_if(_has_decision)
    def decision_function(self, X: object) -> np.ndarray:
        """Return the decision values of the held-out rows."""
        assert self.response.decision is not None
        return self.response.decision

    @available_if(_has_proba)
    def predict_proba(self, X: object) -> np.ndarray:
        """Return the probabilities of the held-out rows."""
        assert self.response.proba is not None
        return self.response.proba

    def predict(self, X: object) -> np.ndarray:
        """Return the predicted classes of the held-out rows."""
        decision = self.response.decision
        if decision is None:
            assert self.response.proba is not None
            return self.classes[self.response.proba.argmax(axis=1)]
        if decision.ndim == 1:
            positive = decision >= 0 if self.response.zero_is_positive else decision > 0
            return self.classes[positive.astype(int)]
        return self.classes[decision.argmax(axis=1)]

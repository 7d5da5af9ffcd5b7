"""What a path is: one call that scores many settings of a fold with few fits."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if

Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Fold:
    """One train / test split of the rows.

    Parameters
    ----------
    number : int
    train, test : int arrays
    """

    number: int
    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True, eq=False)
class Response:
    """What a fitted model says of a fold's held-out rows.

    Parameters
    ----------
    decision : float array, shape (n,) or (n, n_classes), optional
        As `decision_function` gives it.
    proba : float array, shape (n, n_classes), optional
        As `predict_proba` gives it.
    """

    decision: np.ndarray | None = None
    proba: np.ndarray | None = None


@dataclass(eq=False)
class Problem:
    """What is searched: a model behind transformers, rows, and the means to use.

    Parameters
    ----------
    model : estimator
        The last step, unfitted.
    prefix : Pipeline or None
        The steps before it, unfitted; they are fitted on each fold's training rows.
    X : float array, shape (n, d)
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

    model: BaseEstimator
    prefix: Pipeline | None
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
        """
        with self._lock:
            if fold.number not in self._folds:
                most = max(2, self.memory_bytes // (4 * self.X.nbytes + 1))
                while len(self._folds) >= most:
                    self._folds.pop(next(iter(self._folds)))
                self._folds[fold.number] = self._transform(fold)
            X_train, X_test = self._folds[fold.number]
        return X_train, self.codes[fold.train], X_test

    def _transform(self, fold: Fold) -> tuple[np.ndarray, np.ndarray]:
        X_train, X_test = self.X[fold.train], self.X[fold.test]
        if self.prefix is None:
            return X_train, X_test
        prefix = clone(self.prefix)
        return prefix.fit_transform(X_train, self.y[fold.train]), prefix.transform(X_test)


class Path(ABC):
    """Scores every setting of a fold that differs only in the parameters it runs along.

    Parameters
    ----------
    problem : Problem
    """

    #: Parameters of the model that one call covers.
    along: frozenset[str] = frozenset()

    #: Whether calls must come one after the other from the main thread, each on all threads.
    alone: bool = False

    def __init__(self, problem: Problem):
        self.problem = problem

    @classmethod
    @abstractmethod
    def knows(cls, model: BaseEstimator) -> bool:
        """Tell whether the path is made for this model's class."""

    def takes(self, cell: Cell) -> bool:
        """Tell whether one setting can be scored exactly by the path; others are fitted one by one."""
        return True

    def block(self, cell: Cell) -> Hashable:
        """Return what settings must share to be scored by one call."""
        return tuple(sorted((k, repr(v)) for k, v in cell.items() if k not in self.along))

    def cost(self, cell: Cell) -> float:
        """Guess how long a block with this setting takes, in any unit; the longest start first."""
        return 1.0

    def bytes_per_call(self, threads: int) -> int:
        """Estimate the memory that a call on one fold needs besides `X`."""
        return 3 * self.problem.X.nbytes

    def is_batched(self) -> bool:
        """Tell whether `run_batched` is to be used in place of `run`."""
        return False

    def run_batched(self, folds: Sequence[Fold], cells: Sequence[Cell]) -> tuple[list[list[Response]], int]:
        """Do for all folds at once what `run` does for one; a list of responses for each fold."""
        raise NotImplementedError

    @abstractmethod
    def run(self, fold: Fold, cells: Sequence[Cell]) -> tuple[list[Response], int]:
        """Fit what is needed on the fold's training rows.

        Parameters
        ----------
        fold : Fold
        cells : sequence of settings
            Parameters of the model, all of one block.

        Returns
        -------
        responses : list of Response
            One for each cell, on the fold's test rows.
        fits : int
            Models fitted.
        """

    def setting(self, cell: Cell) -> BaseEstimator:
        """Return the model with a cell's parameters."""
        return clone(self.problem.model).set_params(**dict(cell))

    def value(self, cell: Cell, name: str) -> Any:
        """Return a parameter of the model under a cell."""
        return cell[name] if name in cell else self.problem.model.get_params(deep=False)[name]


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
            return self.classes[(decision > 0).astype(int)]
        return self.classes[decision.argmax(axis=1)]


def by_code(weight: Any, classes: np.ndarray) -> Any:
    """Return class weights by the codes 0, 1, ... in place of the labels; `None` and words stay."""
    if not isinstance(weight, dict):
        return weight
    return {code: weight.get(label, 1.0) for code, label in enumerate(classes.tolist())}

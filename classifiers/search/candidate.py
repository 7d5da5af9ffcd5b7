"""One cell of the grid as an estimator over row numbers, which may know its answers already."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import _safe_indexing, get_tags

from classifiers.search.blocks import BlockStore
from classifiers.search.paths.base import Fold, HeldOut, Response

#: Name of a score that has none; `PathSearchCV` calls it `score`.
SINGLE = "_single"


@dataclass(eq=False)
class Search:
    """What the cells of a search share.

    Parameters
    ----------
    X, y : array-like
        The rows.
    folds : list of Fold
    answers : dict of (cell, fold number) to Response
        What the paths have found; a cell is named by `cell_name`.
    scorer : callable
        `scorer(estimator, X, y)` to a number or a dict of numbers.
    error_score : float or "raise"
    blocks : BlockStore
        Where scores of cells that are fitted one by one are kept.
    marks : Path, optional
        A folder in which each scored cell leaves a file, so that progress shows across processes.
    """

    X: Any
    y: Any
    folds: list[Fold]
    answers: dict[tuple[str, int], Response]
    scorer: Callable[..., Any]
    error_score: Any
    blocks: BlockStore
    marks: Path | None = None
    _by_rows: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for fold in reversed(self.folds):
            self._by_rows[np.asarray(fold.train).tobytes()] = fold.number

    def fold(self, train: np.ndarray) -> Fold:
        """Return the fold that trains on these rows."""
        return self.folds[self._by_rows[np.asarray(train).tobytes()]]


class Candidate(BaseEstimator):
    """A setting of the estimator; `X` is row numbers of the search's data.

    Parameters
    ----------
    estimator : estimator
    search : Search
    """

    def __init__(self, estimator: BaseEstimator, search: Search):
        self.estimator = estimator
        self.search = search
        self.cell: dict[str, Any] = {}

    def __sklearn_clone__(self) -> "Candidate":
        return type(self)(clone(self.estimator), self.search)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the estimator's parameters."""
        return self.estimator.get_params(deep)

    def set_params(self, **params: Any) -> "Candidate":
        """Set the estimator's parameters."""
        self.cell = dict(params)
        self.estimator.set_params(**params)
        return self

    def fit(self, rows: np.ndarray, y: Any = None) -> "Candidate":
        """Fit the estimator, unless the answers or the scores of this cell and fold are known."""
        search = self.search
        self.fold_ = search.fold(rows)
        self.scores_ = search.blocks.load(self.fold_.number, [self.cell])
        if self.scores_ is None and self._answer() is None:
            self._fit(rows)
        return self

    def score_rows(self, rows: np.ndarray) -> dict[str, float]:
        """Return the cell's scores on held-out rows."""
        search = self.search
        if self.scores_ is not None and self._held_out(rows):
            return self.scores_[0]
        response = self._answer()
        known = response is not None and self._held_out(rows)
        if not known and not hasattr(self, "fitted_"):
            self._fit(self.fold_.train)
        y = None if search.y is None else _safe_indexing(search.y, rows)
        model = HeldOut(np.unique(search.y), response) if known and response else self.fitted_
        scores = _score(search, model, _safe_indexing(search.X, rows), y)
        if not known:
            search.blocks.save(self.fold_.number, [self.cell], [scores])
        if search.marks is not None:
            (search.marks / f"{cell_name(self.cell)}-{self.fold_.number}").touch()
        return scores

    def _fit(self, rows: np.ndarray) -> None:
        search = self.search
        X = _safe_indexing(search.X, rows)
        y = () if search.y is None else (_safe_indexing(search.y, rows),)
        self.fitted_ = self.estimator.fit(X, *y)

    def _answer(self) -> Response | None:
        return self.search.answers.get((cell_name(self.cell), self.fold_.number))

    def _held_out(self, rows: np.ndarray) -> bool:
        return np.array_equal(rows, self.fold_.test)

    def __sklearn_tags__(self):  # type: ignore[no-untyped-def]
        return get_tags(self.estimator)


def cell_name(cell: dict[str, Any]) -> str:
    """Return a short name of a setting, the same in every process."""
    import joblib

    return joblib.hash(sorted((name, repr(value)) for name, value in cell.items()))


def score_candidate(candidate: Candidate, rows: np.ndarray, y: Any = None) -> dict[str, float]:
    """Score a candidate; the scorer that the search over row numbers is given."""
    return candidate.score_rows(rows)


def _score(search: Search, model: Any, X: Any, y: Any) -> dict[str, float]:
    arguments = (model, X) if y is None else (model, X, y)
    try:
        found = search.scorer(*arguments)
    except Exception as error:
        if search.error_score == "raise":
            raise
        warnings.warn(f"scoring failed ({error}); the score is {search.error_score}", stacklevel=2)
        found = search.error_score
    scores = found if isinstance(found, dict) else {SINGLE: found}
    for name, value in scores.items():
        # A scorer of several metrics tells of one that failed by its traceback.
        if isinstance(value, str):
            warnings.warn(f"scoring {name} failed; the score is {search.error_score}\n{value}", stacklevel=2)
            scores[name] = search.error_score
    return scores

"""One cell of the grid as an estimator over fold tokens, which may know its answers already."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import _safe_split

from classifiers.search.blocks import BlockStore
from classifiers.search.identity import cell_key
from classifiers.search.paths.base import Fold, HeldOut, Response

#: Name of the only score in a block on disk.
_SINGLE = "score"


@dataclass(eq=False)
class Search:
    """What the cells of a search share.

    Parameters
    ----------
    X, y : array-like
        The rows.
    splits : list of (train, test)
        As the splitter gave them.
    folds : list of Fold or None
        The same as row numbers; None where a split is no set of row numbers.
    answers : dict of (cell key, fold number) to Response
        What the paths have found.
    blocks : BlockStore
        Where scores of cells that are fitted one by one are kept.
    marks : Path, optional
        A folder in which each scored cell leaves a file, so that progress shows across processes.
    device : str
        Where the refit is computed, if the model can be moved there.
    classes : array
        The labels, sorted.
    """

    X: Any
    y: Any
    splits: list[tuple[Any, Any]]
    folds: list[Fold] | None
    answers: dict[tuple[str, int], Response]
    blocks: BlockStore
    marks: Path | None = None
    device: str = "cpu"
    classes: np.ndarray = field(default_factory=lambda: np.array([]))


class Candidate(BaseEstimator):
    """A setting of the estimator; `X` is a token: 2 f for fold f's training rows, 2 f + 1 for its test rows.

    Two folds may have equal training rows, so rows alone do not name a fold.

    Parameters
    ----------
    estimator : estimator
    search : Search
    """

    def __init__(self, estimator: BaseEstimator, search: Search):
        self.estimator = estimator
        self.search = search
        self.key = cell_key({})

    def __sklearn_clone__(self) -> "Candidate":
        return type(self)(clone(self.estimator), self.search)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the estimator's parameters."""
        return self.estimator.get_params(deep)

    def set_params(self, **params: Any) -> "Candidate":
        """Set the estimator's parameters."""
        self.key = cell_key(params)
        self.estimator.set_params(**params)
        return self

    def fit(self, tokens: np.ndarray) -> "Candidate":
        """Fit the estimator, unless its answers or scores on this fold are known; all tokens: on all rows."""
        search = self.search
        if len(tokens) != 1:
            return self._refit()
        self.number_ = int(tokens[0]) // 2
        self.scores_ = self._load()
        if self.scores_ is None and self._response() is None:
            try:
                self._fit(*_safe_split(self.estimator, search.X, search.y, search.splits[self.number_][0]))
            except Exception:
                self._mark()
                raise
        return self

    def score(self, tokens: np.ndarray) -> float:
        """Exist, because a search without `scoring` asks for it; `scored` is what scores."""
        raise NotImplementedError

    def scored(self, tokens: np.ndarray, scorer: Callable[..., Any]) -> Any:
        """Return what a scorer finds on a fold's test rows: a number or a dict of numbers."""
        search, response = self.search, self._response()
        train, test = search.splits[self.number_]
        if self.scores_ is not None:
            return self.scores_.get(_SINGLE) if set(self.scores_) == {_SINGLE} else self.scores_
        try:
            if response is not None:
                assert search.folds is not None
                rows = search.folds[self.number_].test
                return scorer(HeldOut(search.classes, response), rows, np.asarray(search.y)[rows])
            X, y = _safe_split(self.estimator, search.X, search.y, test, train)
            found = scorer(self.estimator, X) if y is None else scorer(self.estimator, X, y)
            self._save(found)
            return found
        finally:
            self._mark()

    def _fit(self, X: Any, y: Any) -> "Candidate":
        self.estimator.fit(X) if y is None else self.estimator.fit(X, y)
        return self

    def _refit(self) -> "Candidate":
        """Fit on all rows, on the device of the search."""
        fit_on_device(self.estimator, self.search.device, lambda: self._fit(self.search.X, self.search.y))
        return self

    def _response(self) -> Response | None:
        return self.search.answers.get((self.key, self.number_))

    def _load(self) -> dict[str, float] | None:
        if self.search.folds is None:
            return None
        found = self.search.blocks.load(self.search.folds[self.number_], [self.key])
        return None if found is None else found[0]

    def _save(self, found: Any) -> None:
        scores = found if isinstance(found, dict) else {_SINGLE: found}
        numbers = all(np.isscalar(value) and not isinstance(value, str) for value in scores.values())
        if self.search.folds is not None and numbers:
            self.search.blocks.save(self.search.folds[self.number_], [self.key], [scores])

    def _mark(self) -> None:
        if self.search.marks is not None:
            (self.search.marks / f"{self.key}-{self.number_}").touch()


def fit_on_device(estimator: BaseEstimator, device: str, fit: Callable[[], Any]) -> None:
    """Call `fit`, which fits `estimator`; XGBoost computes on the GPU where `device` is `cuda`."""
    model = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    if device == "cuda" and type(model).__module__ == "xgboost.sklearn":
        from classifiers.search.paths.boosting import fit_on_gpu

        fit_on_gpu(model, fit)
    else:
        fit()


class TokenScorer:
    """A scorer of one metric that scores candidates.

    Parameters
    ----------
    scorer : callable
        `scorer(estimator, X, y)` to a number or a dict of numbers.
    """

    def __init__(self, scorer: Callable[..., Any]):
        self.scorer = scorer

    def __call__(self, candidate: Candidate, tokens: np.ndarray) -> Any:
        """Score a candidate on a fold's test rows."""
        return candidate.scored(tokens, self.scorer)

    def __repr__(self) -> str:
        return repr(self.scorer)


class MultimetricTokenScorer(_MultimetricScorer):
    """A scorer of several metrics that scores candidates; the library reports which metric failed."""

    def __init__(self, scorer: _MultimetricScorer):
        super().__init__(scorers=scorer._scorers, raise_exc=scorer._raise_exc)

    def __call__(self, candidate: Candidate, tokens: np.ndarray) -> Any:
        """Score a candidate on a fold's test rows."""
        return candidate.scored(tokens, super().__call__)

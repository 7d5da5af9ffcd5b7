"""GridSearchCV's answers from a fraction of its fits."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import sklearn
from joblib import effective_n_jobs
from sklearn import get_config
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import get_tags, indexable
from sklearn.utils.validation import _num_samples

from classifiers.search.blocks import BlockStore
from classifiers.search.candidate import Candidate, MultimetricTokenScorer, Search, TokenScorer, fit_on_device
from classifiers.search.identity import cell_key
from classifiers.search.inputs import (
    as_folds,
    as_labels,
    as_rows,
    asks_for_answers_only,
    settings_of,
    split_pipeline,
)
from classifiers.search.paths.base import Problem
from classifiers.search.progress import Progress, cell_progress
from classifiers.search.run import Answers, Resources, run_paths

MEMORY_SHARE = 0.5
MEMORY_LIMIT = 6 * 2**30
DEVICES = ("auto", "cpu", "cuda", "cpu-torch")

#: Raised when what a block on disk means changes, so that older blocks are not read.
_BLOCK_FORMAT = 2


class PathSearchCV(GridSearchCV):
    """Exhaustive search over a grid that shares the work between its cells.

    The same grid, folds and scores as scikit-learn's `GridSearchCV`, whose constructor, attributes and
    behaviour it has. Where the estimator (or the last step of a `Pipeline`) has a path, one call scores
    all cells of a fold that differ only along the path: LDA over shrinkage, logistic regression over C,
    SVM over kernel, gamma and C, random forest and XGBoost over n_estimators. The other steps of the
    pipeline are fitted once per fold. A cell that a path cannot answer exactly is fitted as
    `GridSearchCV` fits it, with the same warnings and errors; so is every other estimator.

    Parameters
    ----------
    estimator, param_grid, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, \
return_train_score
        As for `GridSearchCV`.
    accelerate : bool
        Whether scikit-learn-intelex's engines are used where they are installed and agree: now the
        random forest, whose scores agree on average and not tree for tree.
    device : {"auto", "cpu", "cuda", "cpu-torch"}
        Where LDA, logistic regression, SVM and XGBoost are computed; `auto` is `cuda` where there is a
        GPU, otherwise `cpu`. On `cuda` the first three are batched linear algebra over folds and cells;
        `cpu-torch` runs that code on the CPU. XGBoost's refit uses the same device.
    memory_budget : float, optional
        GiB that paths may use at a time besides the data; by default half of the free memory, at most
        6 GiB. An SVM whose kernel matrix does not fit is fitted by the library.
    checkpoint : str, optional
        A folder for finished (fold, path) blocks; a search that was killed continues from there. A
        block is used again only with the same data, fold, estimator, scorers, engine and device.
    progress : callable, optional
        Called with the number of finished cells and of all cells, each counted once per fold.

    Attributes
    ----------
    n_fits_ : int
        Models fitted for the search; `GridSearchCV` would have fitted cells times folds.
    best_params_, best_score_, best_index_, best_estimator_, cv_results_, scorer_, n_splits_, \
refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As for `GridSearchCV`.

    Notes
    -----
    Exact means: what the library's own fit answers, up to rounding. Logistic regression is solved to
    the optimum, and only where the library's stopping rule comes within a relative 1e-4 of it. LDA is
    computed in double precision also for single precision data. The SVM on `cuda` is solved to the
    optimum, whereas LIBSVM stops at `tol`.

    A scorer of scikit-learn, or one made by `make_scorer`, asks a model for predictions alone. A
    scorer of your own may look at the fitted model; then every cell is fitted.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> X, y = make_classification(random_state=0)
    >>> lda = LinearDiscriminantAnalysis(solver="lsqr")
    >>> search = PathSearchCV(lda, {"shrinkage": [0.01, 0.1, 0.5]}, scoring="roc_auc").fit(X, y)
    >>> search.n_fits_
    5
    """

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
        accelerate: bool = True,
        device: str = "auto",
        memory_budget: float | None = None,
        checkpoint: str | None = None,
        progress: Progress | None = None,
    ):
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.accelerate = accelerate
        self.device = device
        self.memory_budget = memory_budget
        self.checkpoint = checkpoint
        self.progress = progress

    def fit(self, X: Any, y: Any = None, **params: Any) -> "PathSearchCV":
        """Search the grid, then fit the best setting on all rows.

        Parameters
        ----------
        X : array-like, shape (n, d)
        y : array-like, shape (n,), optional
        **params
            `groups` is passed to the splitter; anything else to the estimator's `fit`, and then every
            cell is fitted.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For an unknown `device`; for anything else, what `GridSearchCV` raises.
        """
        if self.device not in DEVICES:
            raise ValueError(f"device {self.device!r}: choose auto, cpu, cuda or cpu-torch")
        if not self._can_share(X, y, params) or not self._is_worth_sharing(X, y):
            self._fits: int | None = None
            super().fit(X, y, **params)
            return self
        if not get_config()["skip_parameter_validation"]:
            self._validate_params()
        scorers, _ = self._get_scorers()
        X, y = indexable(X, y)
        groups = params.get("groups")
        splitter = self._checked_cv_orig = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        count = splitter.get_n_splits(X, y, groups)
        splits = list(splitter.split(X, y, groups))
        if len(splits) != count:
            raise ValueError(
                "cv.split and cv.get_n_splits return inconsistent results. "
                f"Expected {count} splits, got {len(splits)}"
            )
        cells = list(ParameterGrid(self.param_grid))
        folds = as_folds(splits, _num_samples(X))
        if folds is None:
            # The library says what is wrong with the folds.
            self._fits = None
            super().fit(X, y, **params)
            return self
        blocks = BlockStore(self.checkpoint, self._identity(scorers, X, y))
        with cell_progress(len(cells) * len(splits), self.progress) as progress:
            answers = self._answer(scorers, X, y, cells, folds, blocks, progress.add)
            search = Search(X, y, splits, folds, answers.responses, blocks, progress.marks)
            if answers.responses:
                search.classes, search.device = np.unique(np.asarray(y)), _device(self.device)
            inner = self._inner(Candidate(clone(self.estimator), search), answers, len(cells), len(splits))
            inner.fit(np.arange(2 * len(splits)))
        self._take(inner, scorers)
        answered = sum((cell_key(cell), fold) in answers.responses for cell in cells for fold in range(count))
        self._fits = answers.fits + len(cells) * count - answered
        _warn_of_errors(answers, cells, self.cv_results_)
        return self

    def fit_best(self, X: Any, y: Any, **params: Any) -> BaseEstimator:
        """Return a new estimator with the best parameters, fitted on other rows on the search's device.

        It is for a search that scored held-out rows, on which the model must not be fitted: search with
        `refit=False`, then fit on the training rows alone.

        Parameters
        ----------
        X : array-like, shape (n, n_features)
        y : array-like, shape (n,)
        **params
            Passed to `fit` of the estimator.
        """
        estimator = clone(self.estimator).set_params(**self.best_params_)
        fit_on_device(estimator, _device(self.device), lambda: estimator.fit(X, y, **params))
        return estimator

    @property
    def n_fits_(self) -> int:
        """Models fitted for the search."""
        if "cv_results_" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'n_fits_'")
        fits = vars(self).get("_fits")
        return len(self.cv_results_["params"]) * int(self.n_splits_) if fits is None else fits

    def __dir__(self) -> list[str]:
        """List `n_fits_` only after a search with paths; others have `GridSearchCV`'s attributes alone."""
        return [
            name for name in super().__dir__() if name != "n_fits_" or vars(self).get("_fits") is not None
        ]

    def _can_share(self, X: Any, y: Any, params: dict[str, Any]) -> bool:
        """Return whether nothing asks for the library's own loop over the cells."""
        config = get_config()
        own = {name for kind in type(self).__mro__ for name in vars(kind) if kind not in _LIBRARY}
        return (
            not set(params) - {"groups"}
            and y is not None
            and hasattr(self.estimator, "fit")
            and not self.return_train_score
            and not hasattr(self, "_skl_callbacks")
            and not config["enable_metadata_routing"]
            and not config["array_api_dispatch"]
            and not own & _METHODS
            and split_pipeline(self.estimator) is not None
            and not get_tags(self.estimator).input_tags.pairwise
            and _have_one_length(X, y)
        )

    def _is_worth_sharing(self, X: Any, y: Any) -> bool:
        """Return whether a path may answer a cell, or finished cells are to be kept or counted."""
        if self.checkpoint is not None or self.progress is not None:
            return True
        return self._settings()[1] != [] and as_labels(y) is not None and as_rows(X) is not None

    def _settings(self) -> tuple[Any, list[Any]]:
        try:
            return settings_of(self.estimator, ParameterGrid(self.param_grid))
        except (TypeError, ValueError):
            # The library says what is wrong with the grid.
            return None, []

    def _answer(
        self,
        scorers: Any,
        X: Any,
        y: Any,
        cells: list[dict[str, Any]],
        folds: Any,
        blocks: BlockStore,
        report: Callable[[int], None],
    ) -> Answers:
        made_for, settings = self._settings()
        rows, labels = as_rows(X), as_labels(y)
        parts = split_pipeline(self.estimator)
        if not settings or not folds or rows is None or labels is None or parts is None:
            return Answers()
        if not asks_for_answers_only(scorers):
            return Answers()
        resources = self._resources()
        problem = Problem(
            prefix=parts[0],
            data=X,
            X=rows,
            y=labels,
            train_rows=max(len(fold.train) for fold in folds),
            accelerate=resources.accelerate,
            device=resources.device,
            memory_bytes=resources.memory_bytes,
        )
        return run_paths(made_for, problem, settings, folds, resources, blocks, report)

    def _resources(self) -> Resources:
        if self.memory_budget is None:
            memory = min(psutil.virtual_memory().available * MEMORY_SHARE, MEMORY_LIMIT)
        else:
            memory = self.memory_budget * 2**30
        return Resources(effective_n_jobs(self.n_jobs), self.accelerate, _device(self.device), int(memory))

    def _identity(self, scorers: Any, X: Any, y: Any) -> Any:
        """Return everything besides cells and folds that a cell's score depends on."""
        if self.checkpoint is None:
            return None
        return {
            "format": _BLOCK_FORMAT,
            "sklearn": sklearn.__version__,
            "estimator": self.estimator,
            "scorers": getattr(scorers, "_scorers", scorers),
            "error_score": self.error_score,
            "accelerate": self.accelerate,
            "device": _device(self.device),
            "X": X,
            "y": y,
        }

    def _inner(self, candidate: Candidate, answers: Answers, cells: int, splits: int) -> "_TokenSearch":
        inner = _TokenSearch(
            candidate,
            self.param_grid,
            scoring=self.scoring,
            refit=self.refit,
            cv=[(np.array([2 * fold]), np.array([2 * fold + 1])) for fold in range(splits)],
            verbose=self.verbose,
            # Processes are worth starting only for cells that are still to be fitted.
            n_jobs=1 if len(answers.responses) == cells * splits else self.n_jobs,
            pre_dispatch=self.pre_dispatch,
            error_score=self.error_score,
        )
        inner.seconds = answers.seconds
        return inner

    def _take(self, inner: "_TokenSearch", scorers: Any) -> None:
        """Take over the attributes of the search over tokens."""
        for name, value in vars(inner).items():
            if name.endswith("_") and not name.startswith("_"):
                setattr(self, name, value)
        self.scorer_ = scorers._scorers if isinstance(scorers, _MultimetricScorer) else scorers
        if self.refit:
            self.best_estimator_ = inner.best_estimator_.estimator
            if hasattr(self.best_estimator_, "feature_names_in_"):
                self.feature_names_in_ = self.best_estimator_.feature_names_in_


class _TokenSearch(GridSearchCV):
    """The library's own search, over candidates and fold tokens."""

    seconds: dict[tuple[str, int], float]

    def _get_scorers(self) -> tuple[Any, Any]:
        scorers, metric = super()._get_scorers()
        if isinstance(scorers, _MultimetricScorer):
            return MultimetricTokenScorer(scorers), metric
        return TokenScorer(scorers), metric

    def _format_results(self, candidate_params: Any, n_splits: int, out: Any, *args: Any) -> Any:
        """Give the cells that paths have answered the time that the paths took."""
        for number, result in enumerate(out):
            key = cell_key(candidate_params[number // n_splits]), number % n_splits
            if key in self.seconds:
                result["fit_time"] = self.seconds[key]
        return super()._format_results(candidate_params, n_splits, out, *args)


_LIBRARY = (PathSearchCV, *GridSearchCV.__mro__)
#: What a subclass must not override for the cells to be shared: the steps of the library's own search.
_METHODS = frozenset(name for kind in (BaseSearchCV, GridSearchCV, PathSearchCV) for name in vars(kind)) - {
    "__module__", "__doc__", "__init__", "__qualname__", "__abstractmethods__", "_abc_impl",
    "__firstlineno__", "__static_attributes__", "__annotations__", "_parameter_constraints",
}  # fmt: skip


def _warn_of_errors(answers: Answers, cells: list[dict[str, Any]], results: dict[str, Any]) -> None:
    """Warn of a path that failed where the library's own fit did not."""
    metric = next(name for name in results if name.startswith("split0_test_")).removeprefix("split0_test_")
    unexpected = {
        error
        for (key, fold), error in answers.errors.items()
        for number, cell in enumerate(cells)
        if cell_key(cell) == key and np.isfinite(results[f"split{fold}_test_{metric}"][number])
    }
    for error in sorted(unexpected):
        warnings.warn(f"{error}; its cells are fitted one by one", RuntimeWarning, stacklevel=3)


def _have_one_length(X: Any, y: Any) -> bool:
    try:
        return bool(_num_samples(X) == _num_samples(y))
    except TypeError:
        return False


def _device(name: str) -> str:
    if name in ("cpu", "cpu-torch"):
        return name
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda': this torch sees no CUDA GPU; use cpu")
    return "cuda" if torch.cuda.is_available() else "cpu"

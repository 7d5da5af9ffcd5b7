"""GridSearchCV's answers from a fraction of its fits."""

import time
from typing import Any

import numpy as np
import psutil
from joblib import effective_n_jobs
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.utils import get_tags, indexable
from sklearn.utils.validation import _num_samples

from classifiers.search.blocks import BlockStore
from classifiers.search.candidate import SINGLE, Candidate, Search, cell_name, score_candidate
from classifiers.search.paths.base import Fold
from classifiers.search.progress import Progress, cell_progress
from classifiers.search.run import Answers, Means, run_paths

MEMORY_SHARE = 0.5
MOST_MEMORY = 6 * 2**30


class PathSearchCV(GridSearchCV):
    """Exhaustive search over a grid that shares the work between its cells.

    The same grid, folds and scores as scikit-learn's `GridSearchCV`, whose constructor, attributes and
    behaviour it has. Where the estimator (or the last step of a `Pipeline`) has a path, one call scores
    all cells of a fold that differ only along the path: LDA over shrinkage, logistic regression over C,
    SVM over kernel, gamma and C, random forest and XGBoost over n_estimators. The other steps of the
    pipeline are fitted once a fold. Cells without a path, and every other estimator, are fitted one by
    one as `GridSearchCV` fits them.

    Parameters
    ----------
    estimator, param_grid, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, \
return_train_score
        As for `GridSearchCV`. With `verbose`, a progress bar counts the cells.
    accelerate : bool
        Whether scikit-learn-intelex's engines are used where they are installed and agree: now the
        random forest, whose scores agree on average and not tree for tree.
    device : {"auto", "cpu", "cuda", "cpu-torch"}
        Where LDA, logistic regression, SVM and XGBoost are computed. On `cuda` the first three are
        batched linear algebra over folds and cells; `cpu-torch` runs that code on the CPU.
    memory_budget : float, optional
        GiB that paths may use at a time besides the data; by default half of the free memory, at most
        6 GiB. An SVM whose kernel matrix does not fit is left to the solver.
    checkpoint : str, optional
        A folder for finished (fold, path) blocks; a search that was killed goes on from there.
    progress : callable, optional
        Called with the cells done and the cells in all, folds counted.

    Attributes
    ----------
    n_fits_ : int
        Models fitted for the search; `GridSearchCV` would have fitted cells times folds.
    best_params_, best_score_, best_index_, best_estimator_, cv_results_, scorer_, n_splits_, \
refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As for `GridSearchCV`.

    Notes
    -----
    A scorer is asked about the held-out rows through an object that answers `predict`,
    `predict_proba` and `decision_function`. A scorer of your own that looks at anything else of a
    model should be a plain callable: then every cell is fitted.

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
            `groups` goes to the splitter; anything else to the estimator's `fit`, and then every cell
            is fitted.

        Returns
        -------
        self
        """
        if not self._may_share(y, params):
            super().fit(X, y, **params)
            self.n_fits_: int = len(self.cv_results_["params"]) * int(self.n_splits_)
            return self
        scorer, refit_metric = self._get_scorers()
        X, y, groups = indexable(X, y, params.get("groups"))
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(splitter.split(X, y, groups))
        folds = [Fold(number, *split) for number, split in enumerate(splits)]
        cells = list(ParameterGrid(self.param_grid))
        blocks = BlockStore(self.checkpoint, (self.estimator, repr(self.scoring), X, y, splits))
        with cell_progress(len(cells) * len(folds), self.verbose, self.progress) as progress:
            answers = run_paths(self.estimator, X, y, cells, folds, self._means(), blocks, progress.add)
            search = Search(X, y, folds, answers.responses, scorer, self.error_score, blocks, progress.marks)
            inner = GridSearchCV(
                Candidate(clone(self.estimator), search),
                self.param_grid,
                scoring=score_candidate,
                refit=False,
                cv=splits,
                # Processes are worth starting only for cells that are still to be fitted.
                n_jobs=1 if len(answers.responses) == len(cells) * len(folds) else self.n_jobs,
                pre_dispatch=self.pre_dispatch,
                error_score=self.error_score,
            )
            inner.fit(np.arange(_num_samples(X)), y)
        self.n_splits_: int = len(splits)
        self.n_fits_ = answers.fits + len(cells) * len(folds) - len(answers.responses)
        self._take(inner.cv_results_, answers, cells, scorer, refit_metric)
        if self.refit:
            self._refit_best(X, y)
        return self

    def _may_share(self, y: Any, params: dict[str, Any]) -> bool:
        """Tell whether the cells can be scored by way of row numbers."""
        return (
            not set(params) - {"groups"}
            and y is not None
            and not self.return_train_score
            and not get_config()["enable_metadata_routing"]
            and not get_tags(self.estimator).input_tags.pairwise
            and (not callable(self.scoring) or hasattr(self.scoring, "_response_method"))
        )

    def _means(self) -> Means:
        if self.memory_budget is None:
            memory = min(psutil.virtual_memory().available * MEMORY_SHARE, MOST_MEMORY)
        else:
            memory = self.memory_budget * 2**30
        return Means(effective_n_jobs(self.n_jobs), self.accelerate, _device(self.device), int(memory))

    def _take(
        self, results: dict[str, Any], answers: Answers, cells: list[dict[str, Any]], scorer: Any, metric: str
    ) -> None:
        """Take over the results, with the times of the cells that paths have answered."""
        self.multimetric_ = f"mean_test_{SINGLE}" not in results
        self.cv_results_ = {
            name.replace(f"_test_{SINGLE}", "_test_score"): value for name, value in results.items()
        }
        for number, cell in enumerate(cells):
            keys = [(cell_name(cell), fold) for fold in range(self.n_splits_)]
            if all(key in answers.seconds for key in keys):
                seconds = [answers.seconds[key] for key in keys]
                self.cv_results_["mean_fit_time"][number] = np.mean(seconds)
                self.cv_results_["std_fit_time"][number] = np.std(seconds)
        if self.multimetric_ and callable(self.scoring):
            names = [name.removeprefix("mean_test_") for name in results if name.startswith("mean_test_")]
            self._check_refit_for_multimetric(dict.fromkeys(names))
            metric = self.refit
        self.scorer_ = getattr(scorer, "_scorers", scorer)
        if self.refit or not self.multimetric_:
            self.best_index_ = self._select_best_index(self.refit, metric, self.cv_results_)
            if not callable(self.refit):
                self.best_score_ = self.cv_results_[f"mean_test_{metric}"][self.best_index_]
            self.best_params_ = self.cv_results_["params"][self.best_index_]

    def _refit_best(self, X: Any, y: Any) -> None:
        best = clone(self.estimator).set_params(**clone(self.best_params_, safe=False))
        started = time.perf_counter()
        self.best_estimator_ = best.fit(X, y)
        self.refit_time_ = time.perf_counter() - started
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_


def _device(name: str) -> str:
    if name not in ("auto", "cpu", "cuda", "cpu-torch"):
        raise ValueError(f"device {name!r}: choose auto, cpu, cuda or cpu-torch")
    if name in ("cpu", "cpu-torch"):
        return name
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda': this torch sees no CUDA GPU; use cpu")
    return "cuda" if torch.cuda.is_available() else "cpu"

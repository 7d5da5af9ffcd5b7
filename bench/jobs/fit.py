"""The job kind `fit`: a grid search of one classical model on one set of embeddings."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import classifiers
from bench.console import task, warn
from bench.engine.context import Context
from bench.engine.estimate import machine_factor
from bench.engine.job import Job
from bench.jobs.embed import EmbedJob, dim_of, embeddings_of
from bench.jobs.words import row_of
from classifiers.spec import LABELS, plain_params
from results.predictions import SPLITS

if TYPE_CHECKING:
    from classifiers.search import PathSearchCV


@dataclass(frozen=True, kw_only=True)
class FitJob(Job):
    """Search one classical model on one set of embeddings and score the valid and test images.

    Parameters
    ----------
    model : str
        Name in the registry of classifiers.
    embeddings : EmbedJob
    grid : str
        `small` or `full`.
    folds : int
    scoring : str
        Scorer that selects.
    selection : {"cv", "valid"}
        `cv` selects by cross-validation on the train split; `valid` selects on the valid split, for
        embeddings of a network that has seen the training labels and for models that learn from good images
        only.
    sampling : {"all", "balanced"}
        Whether both classes get equal weight.
    """

    model: str
    embeddings: EmbedJob
    grid: str = "small"
    folds: int = 5
    scoring: str = "roc_auc"
    selection: str = "cv"
    sampling: str = "all"

    @property
    def title(self) -> str:
        """Model and features."""
        features = self.embeddings.features
        name = classifiers.get_spec(self.model).title
        return f"search {name} on {features.features}, {features.weights} weights"

    @property
    def slug(self) -> str:
        """Model and features."""
        return f"{self.model}-{self.embeddings.slug}"

    def row(self, context: Context) -> dict[str, Any]:
        """Return the key columns of the model's leaderboard row."""
        title = classifiers.get_spec(self.model).title
        return row_of(title, self.embeddings.features, self.sampling, context.config)

    def check(self, context: Context) -> None:
        """Raise `NotRunnable` when the train split lacks a class that the model learns from."""
        if classifiers.get_spec(self.model).supervision == LABELS:
            context.check_labels()

    def run(self, context: Context) -> None:
        """Search the grid, then save the best model and its predictions."""
        from sklearn.model_selection import PredefinedSplit

        from bench.engine.finish import Fitted, finish
        from classifiers.search.convergence import has_converged

        embedded = embeddings_of(self.embeddings, context)
        matrix, y, train = embedded.matrix, context.y, context.rows("train")
        options = self.fit_options(context, train)
        started = time.perf_counter()
        search = None
        if self._is_fixed(context):
            params = {}
            estimator = classifiers.make_classifier(self.model, random_state=self.seed)
            estimator.fit(matrix[train], y[train], **options)
        elif self.selection == "cv":
            with self._search(context, context.folds(train, self.folds, self.seed), refit=True) as search:
                search.fit(matrix[train], y[train], **options)
            estimator, params = search.best_estimator_, search.best_params_
        else:
            # The network has seen the training labels, so its training embeddings look too good for any
            # cross-validation among them: select on the valid split, fit on train alone.
            both = np.concatenate([train, context.rows("valid")])
            held_out = np.concatenate([np.full(len(train), -1), np.zeros(len(both) - len(train), int)])
            with self._search(context, list(PredefinedSplit(held_out).split()), refit=False) as search:
                search.fit(matrix[both], y[both], **self.fit_options(context, both))
            params = search.best_params_
            estimator = search.fit_best(matrix[train], y[train], **options)
        seconds = time.perf_counter() - started
        if search is not None:
            self._save_search(context, search, has_converged(estimator))
        X = {split: matrix[context.rows(split)] for split in SPLITS}
        fitted = Fitted(self.model, estimator, X, seconds, params, embedded.weights_sha256, embedded)
        finish(self, context, fitted)

    def _is_fixed(self, context: Context) -> bool:
        """Return whether there is nothing to select, or no labelled defect to select by."""
        spec = classifiers.get_spec(self.model)
        if spec.supervision == LABELS:
            return False
        from sklearn.model_selection import ParameterGrid

        both = len(np.unique(context.y[context.rows("valid")])) == 2
        return not both or len(ParameterGrid(spec.grids[self.grid])) == 1

    def _save_search(self, context: Context, search: PathSearchCV, converged: bool) -> None:
        """Write the mean score of each setting, which was chosen, and whether its solver has converged."""
        settings = search.cv_results_["params"]
        frame = pd.DataFrame(
            {
                "params": [json.dumps(plain_params(each), sort_keys=True) for each in settings],
                "score": search.cv_results_["mean_test_score"],
                "chosen": np.arange(len(settings)) == search.best_index_,
                "converged": converged,
            }
        )
        context.folder.write_frame(context.folder.search_table_path(self.id), frame)

    def fit_options(self, context: Context, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the keywords of `fit` that carry the images' weights, where there are any."""
        if context.sample_weight is None:
            return {}
        from sklearn.utils.validation import has_fit_parameter

        name, step = classifiers.make_classifier(self.model).steps[-1]
        if not has_fit_parameter(step, "sample_weight"):
            title = classifiers.get_spec(self.model).title
            warn(f"{title} takes no weights of images: it is fitted on all of them alike")
            return {}
        return {f"{name}__sample_weight": context.sample_weight[rows]}

    def seconds(self, context: Context) -> float:
        """Estimate the duration: proportional to rows, columns and cells of the grid."""
        spec = classifiers.get_spec(self.model)
        values = len(context.rows("train")) * dim_of(self.embeddings, context) / 1e6
        return machine_factor(context) * (0.5 + spec.search_seconds * values * self.cells * self.folds / 5)

    @property
    def cells(self) -> float:
        """Cells of the grid for each cell of the small grid."""
        from sklearn.model_selection import ParameterGrid

        grids = classifiers.get_spec(self.model).grids
        return len(ParameterGrid(grids[self.grid])) / len(ParameterGrid(grids["small"]))

    def balance(self, y: np.ndarray) -> dict[str, Any]:
        """Return the parameters that give both classes equal weight, where the sampling asks for it."""
        spec = classifiers.get_spec(self.model)
        return spec.balance(y) if self.sampling == "balanced" and spec.balance else {}

    @contextmanager
    def _search(
        self, context: Context, folds: list[tuple[np.ndarray, np.ndarray]], refit: bool
    ) -> Iterator[PathSearchCV]:
        """Yield a search that shows its progress and, when killed, resumes from its finished blocks."""
        from sklearn.model_selection import ParameterGrid

        spec = classifiers.get_spec(self.model)
        blocks = context.folder.search_path(self.id)
        cells = len(ParameterGrid(spec.grids[self.grid])) * len(folds)
        with task(self.title, cells, "cells") as update:
            yield classifiers.make_search(
                self.model,
                grid=self.grid,
                cv=folds,
                scoring=self.scoring,
                refit=refit,
                n_jobs=context.config.n_jobs,
                random_state=self.seed,
                params=self.balance(context.y[context.rows("train")]),
                checkpoint=str(blocks),
                progress=lambda done, total: update(done),
                device=context.config.device,
            )
        shutil.rmtree(blocks, ignore_errors=True)

"""The job kind `fit_subset`: a classical model on a subset of the train split."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

import classifiers
from bench.config import RunConfig
from bench.engine.context import Context
from bench.engine.estimate import machine_factor
from bench.engine.job import Job
from bench.jobs.curve.subset import SubsetJob, subset_settings
from bench.jobs.embed import dim_of, embeddings_of
from bench.jobs.fit import FitJob

#: With fewer images of a class the default parameters are fitted: a fold would hold one of them or none.
FEWEST = 5
#: The part of the duration that does not depend on the number of rows, in rows.
_ROWS = 150


@dataclass(frozen=True, kw_only=True)
class FitSubsetJob(SubsetJob):
    """Search one classical model on a subset of the train split.

    Folds are as many as the search of the whole split has, but no more than images of the rarer class.
    With fewer than five of them the model is fitted with its default parameters.

    Parameters
    ----------
    search : FitJob
        The search on the whole train split.
    """

    search: FitJob

    @property
    def base(self) -> FitJob:
        """The search on the whole train split."""
        return self.search

    @classmethod
    def plan(cls, config: RunConfig, planned: Sequence[Job]) -> Iterable[Self]:
        """Return a job for each search on frozen embeddings, size and draw."""
        searches = [job for job in planned if isinstance(job, FitJob) and job.selection == "cv"]
        for each in subset_settings(config, network=False):
            for search in searches:
                yield cls(seed=config.seed, search=search, **each)

    def run(self, context: Context) -> None:
        """Search the grid and save the point."""
        train, _ = self.rows(context)
        matrix, y = embeddings_of(self.search.embeddings, context).matrix, context.y[train]
        rarest = int(np.bincount(y, minlength=2).min())
        name, seed = self.search.model, self.seed + self.draw
        options = self.search.fit_options(context, train)
        started = time.perf_counter()
        if rarest < FEWEST:
            estimator = classifiers.make_classifier(name, random_state=seed, **self.search.balance(y))
            estimator.fit(matrix[train], y, **options)
            settings = f"defaults ({rarest} of the rarer class)"
        else:
            folds = context.folds(train, min(self.search.folds, rarest), seed)
            search = classifiers.make_search(
                name,
                grid=self.search.grid,
                cv=folds,
                scoring=self.search.scoring,
                n_jobs=context.config.n_jobs,
                random_state=seed,
                params=self.search.balance(y),
                device=context.config.device,
            )
            estimator = search.fit(matrix[train], y, **options).best_estimator_
            settings = f"search, {len(folds)} folds"
        self.save(context, estimator, matrix, time.perf_counter() - started, settings)

    def seconds(self, context: Context) -> float:
        """Estimate the duration: proportional to columns; on few rows most of it does not depend on them."""
        spec = classifiers.get_spec(self.search.model)
        rows = len(self.rows(context)[0])
        values = (rows + _ROWS) * dim_of(self.search.embeddings, context) / 1e6
        spent = spec.search_seconds * values * self.search.cells * self.search.folds / 5
        return machine_factor(context) * (0.2 + spent)

"""The job kind `train_subset`: a network on a subset of the train split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from bench.config import RunConfig
from bench.engine.context import Context
from bench.engine.job import Job
from bench.jobs.curve.subset import SubsetJob, subset_settings
from bench.jobs.train import FORWARD_SHARE, TrainJob


@dataclass(frozen=True, kw_only=True)
class TrainSubsetJob(SubsetJob):
    """Train one network on a subset of the train split.

    The steps are those of the training on the whole split: an epoch shows each image of the subset several
    times, so that a network is trained to its end on few images too.

    Parameters
    ----------
    training : TrainJob
        The training on the whole train split.
    """

    training: TrainJob

    @property
    def base(self) -> TrainJob:
        """The training on the whole train split."""
        return self.training

    @classmethod
    def plan(cls, config: RunConfig, planned: Sequence[Job]) -> Iterable[Self]:
        """Return a job for each network, size and draw."""
        trainings = [job for job in planned if isinstance(job, TrainJob)]
        for each in subset_settings(config, network=True):
            for training in trainings:
                yield cls(seed=config.seed, training=training, **each)

    def run(self, context: Context) -> None:
        """Train the network and save the point."""
        from bench.engine.pixels import network_size, run_pixels

        train, valid = self.rows(context)
        path = context.folder.checkpoint_path(self.id)
        estimator = self.training.estimator(context)
        estimator.set_params(checkpoint=str(path), random_state=self.seed + self.draw)
        size = network_size(estimator, context)
        with run_pixels(
            context, self.id, size, preprocess=self.training.preprocess, title=f"reading images: {self.title}"
        ) as pixels:
            shown = repeated(train, len(context.rows("train")), self.seed + self.draw)
            self.training.fit(estimator, context, pixels, shown, valid, self.title)
            spent = float(estimator.history_["seconds"].sum())
            settings = f"{len(shown)} images per epoch, epochs: {len(estimator.history_)}"
            self.save(context, estimator, pixels, spent, settings)
        path.unlink(missing_ok=True)

    def seconds(self, context: Context) -> float:
        """Estimate the duration: that of the training on the whole split, with fewer valid images."""
        estimator = self.training.estimator(context)
        epochs = estimator.stop_after or estimator.epochs
        fewer = len(context.rows("valid")) - len(self.rows(context)[1])
        spared = epochs * FORWARD_SHARE * fewer * self.training.seconds_per_image(context)
        return max(self.training.seconds(context) - spared, 0.0)


def repeated(rows: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return `count` positions in which each of `rows` occurs equally often, within one.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
    count : int
        With fewer than n, all rows are returned once.
    seed : int
        Chooses the rows that occur once more.

    Examples
    --------
    >>> sorted(repeated(np.array([3, 5]), 5, seed=0).tolist()) in ([3, 3, 3, 5, 5], [3, 3, 5, 5, 5])
    True
    """
    whole, rest = divmod(max(count, len(rows)), len(rows))
    more = np.random.default_rng(seed).permutation(rows)[:rest]
    return np.concatenate([np.tile(rows, whole), more])

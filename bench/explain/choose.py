"""Which models and which images of a run get heat maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.engine.context import Context
from bench.engine.scoring import valid_auc
from bench.explain.maps import ModelJob
from bench.jobs.fit import FitJob
from bench.jobs.train import TrainJob
from bench.run_folder import RunFolder
from features.errors import InputError

#: Classical models that may have exact maps.
LINEAR = ("lda", "lr", "svm")


def preprocess_of(job: ModelJob) -> str:
    """Return the preprocessing of a model's images."""
    return job.preprocess if isinstance(job, TrainJob) else job.embeddings.preprocess


def best_models(jobs: Sequence[ModelJob], folder: RunFolder) -> list[ModelJob]:
    """Return the best network and the best head by their AUC on the valid split.

    A head that may have an exact map goes before one that needs occlusion, which takes far longer.
    """
    networks = [job for job in jobs if isinstance(job, TrainJob)]
    heads = [job for job in jobs if isinstance(job, FitJob)]
    linear = [job for job in heads if job.model in LINEAR]
    kinds: tuple[Sequence[ModelJob], ...] = (networks, linear or heads)
    return [max(kind, key=lambda job: valid_auc(folder, job.id)) for kind in kinds if kind]


def outcomes_of(folder: RunFolder, job: ModelJob) -> pd.DataFrame:
    """Return the test images of a finished model; see `results.leaderboard.outcomes_of`."""
    from results.leaderboard import outcomes_of

    return outcomes_of(folder.row(job.id))


def typical_images(folder: RunFolder, job: ModelJob, per_outcome: int) -> list[str]:
    """Return image ids: the clearest hits, escapes, overkills and correct good parts of a model."""
    from results.leaderboard import OUTCOMES

    found = outcomes_of(folder, job)
    chosen: list[str] = []
    for outcome in OUTCOMES:
        part = found[found["outcome"] == outcome]
        clearest = part.sort_values(["score", "image_id"], ascending=[outcome in ("escape", "correct"), True])
        chosen += clearest["image_id"].head(per_outcome).tolist()
    return chosen


def rows_of_images(context: Context, ids: Sequence[str]) -> np.ndarray:
    """Return the positions of images in the run's split.

    Raises
    ------
    InputError
        Naming an id that the run does not have.
    """
    place = {name: row for row, name in enumerate(context.images["image_id"])}
    unknown = [name for name in ids if name not in place]
    if unknown:
        raise InputError(
            f"{context.folder.path}: no image {unknown[0]!r} in this run; ids are in split.parquet, such as "
            f"{context.images['image_id'].iloc[0]!r}"
        )
    return np.array([place[name] for name in ids], int)

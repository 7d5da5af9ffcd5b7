"""`defectbench explain`: heat maps of chosen models and images of a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.engine.context import Context
from bench.explain.choose import best_models, rows_of_images, typical_images
from bench.explain.make import save_maps, save_regions
from bench.explain.maps import DEFAULT, OCCLUSION, ModelJob, mapper_of
from bench.explain.pictures import check_package, draw_pictures
from bench.finished.predict import choose_model
from bench.jobs.explain import PER_OUTCOME
from bench.jobs.fit import FitJob
from bench.jobs.registry import read_jobs
from bench.jobs.train import TrainJob
from bench.run_folder import RunFolder
from classifiers import maps
from features.errors import InputError
from features.store import EmbeddingStore


def explain_run(
    folder: RunFolder,
    store: EmbeddingStore,
    *,
    models: Sequence[str] | None = None,
    images: Sequence[str] | None = None,
    method: str = DEFAULT,
) -> tuple[list[Path], list[ModelJob]]:
    """Write pictures of where models of a run look, and measure the maps where boxes or masks exist.

    Parameters
    ----------
    folder : RunFolder
        A finished run.
    store : EmbeddingStore
        Where its embeddings are cached.
    models : sequence of str, optional
        Names of models, or the beginnings of ids of jobs; by default the best network and the best head by
        their AUC on the valid split.
    images : sequence of str, optional
        Ids of images for the pictures; by default sixteen test images: the clearest hits, escapes, overkills
        and correct good parts of the first model. A dataset with boxes or masks then also gets the maps of
        all valid and test images, for `tables/localisation.csv`.
    method : str
        A method of `classifiers.maps`, or `occlusion`.

    Returns
    -------
    files : list of Path
        The pictures, in `explain/` in the run's folder.
    jobs : list of FitJob or TrainJob
        The models.

    Raises
    ------
    InputError
        For an unknown model, image or method, and where the package `grad-cam` is not installed.
    """
    if method not in (*maps.names(), OCCLUSION):
        raise InputError(f"--method {method}: choose one of {', '.join((*maps.names(), OCCLUSION))}")
    check_package()
    done = [job for job in read_jobs(folder) if isinstance(job, FitJob | TrainJob) and folder.is_ok(job.id)]
    if not done:
        raise InputError(f"{folder.path}: no finished model in this run")
    jobs = [_explainable(folder, name) for name in models] if models else best_models(done, folder)
    context = Context(folder.config(), folder, folder.read_split(), store)
    _check_files(context)
    regions = save_regions(context).table
    ids = list(images) if images else typical_images(folder, jobs[0], PER_OUTCOME)
    rows = rows_of_images(context, ids)
    written: list[Path] = []
    for job in jobs:
        mapper = mapper_of(job, context, method)
        written += draw_pictures(job, mapper, context, rows, regions, folder.path / "explain")
        if images is None and len(regions):
            whole = np.concatenate([context.rows("valid"), context.rows("test")])
            save_maps(job, context, method, whole, exact_only=method != OCCLUSION and not models)
    return written, jobs


def _explainable(folder: RunFolder, name: str) -> ModelJob:
    """Return the job whose model `name` means; `InputError` for one that has no heat maps."""
    job = choose_model(folder, name)
    if not isinstance(job, FitJob | TrainJob):
        raise InputError(f"{job.id}: no heat maps of this model; choose a network or a head on embeddings")
    return job


def _check_files(context: Context) -> None:
    gone = [path for path in context.images["path"] if not Path(path).is_file()]
    if gone:
        raise InputError(
            f"{gone[0]}: no such file; {len(gone)} images of this run are no longer there: bring them back"
        )


def localisation_lines(table: pd.DataFrame) -> list[str]:
    """Return a line for each row of all defects: what a user wants to know first."""
    from results.tables.localisation import ALL

    if table.empty:
        return []
    rows = table[table["label"] == ALL]
    return [
        f"{row['model']} {row['features']} {row['preprocess']} ({row['method']}): pointing game "
        f"{_share(row['pointing_game'])}, energy in box {_share(row['energy_inside'])}, {row['n']} defects"
        for row in rows.to_dict("records")
    ]


def _share(value: float) -> str:
    return "-" if pd.isna(value) else f"{100 * value:.1f}%"

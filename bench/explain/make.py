"""Make and save the heat maps of a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.console import say, warn
from bench.engine.context import Context
from bench.explain.choose import LINEAR, best_models, rows_of_images, typical_images
from bench.explain.maps import DEFAULT, EXACT, ModelJob, mapper_of, model_maps
from bench.explain.panels import panels
from bench.jobs.fit import FitJob
from features.datasets.regions import Regions
from features.errors import InputError


def explain_models(
    jobs: Sequence[ModelJob],
    context: Context,
    method: str = DEFAULT,
    *,
    per_outcome: int,
    networks_only: bool = False,
) -> None:
    """Save the regions of the defects, the maps of the models and the panels.

    Parameters
    ----------
    jobs : sequence of FitJob or TrainJob
        Finished models.
    context : Context
    method : str
        Of the maps of networks.
    per_outcome : int
        Test images of each outcome that get maps where the dataset has neither boxes nor masks.
    networks_only : bool
        Whether to save the maps of networks where they can be measured, and nothing else.
    """
    regions = save_regions(context)
    if networks_only:
        jobs = [] if regions.table.empty else [job for job in jobs if not isinstance(job, FitJob)]
    if not jobs:
        return
    if regions.table.empty:
        chosen = best_models(jobs, context.folder)
        rows = rows_of_images(context, typical_images(context.folder, chosen[0], per_outcome))
    else:
        chosen = [job for job in jobs if not isinstance(job, FitJob) or job.model in LINEAR]
        rows = np.concatenate([context.rows("valid"), context.rows("test")])
    for job in chosen:
        save_maps(job, context, method, rows, exact_only=not regions.table.empty)
    if networks_only:
        return
    context.folder.write_frame(context.folder.panels, panels(chosen, context, regions.table, method))


def save_regions(context: Context) -> Regions:
    """Save the regions of the run's images and how many images have none; say what was not usable."""
    regions, folder = context.regions, context.folder
    folder.write_frame(folder.regions, regions.table)
    counts = pd.DataFrame({"what": list(regions.counts), "count": list(regions.counts.values())})
    if len(counts):
        folder.write_frame(folder.region_counts, counts)
        for what, count in regions.counts.items():
            if count:
                say(f"{count} {what}")
    return regions


def save_maps(
    job: ModelJob, context: Context, method: str, rows: np.ndarray, *, exact_only: bool = False
) -> None:
    """Save the maps of one model, unless they are there.

    Parameters
    ----------
    job : FitJob or TrainJob
    context : Context
    method : str
    rows : int array
        Positions of the images.
    exact_only : bool
        Whether a head without an exact map is left out: occlusion of all images takes hours.
    """
    folder = context.folder
    if any(folder.maps_path(job.id, name).is_file() for name in (method, EXACT)):
        return
    try:
        mapper = mapper_of(job, context, method)
        if isinstance(job, FitJob) and exact_only and mapper.method != EXACT:
            return
        path = folder.maps_path(job.id, mapper.method)
        if not path.is_file():
            folder.write_frame(path, model_maps(job, mapper, context, rows))
    except InputError as error:
        warn(f"no heat maps of {job.id}: {error}")

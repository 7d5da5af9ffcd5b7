"""What the panels of heat maps show: one image of each outcome for each preprocessing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.engine.context import Context
from bench.engine.scoring import valid_auc
from bench.explain.choose import outcomes_of, preprocess_of, rows_of_images
from bench.explain.maps import Mapper, ModelJob, mapper_of, model_maps
from bench.jobs.train import TrainJob
from features.pixels.images import read_image
from features.pixels.preprocess import get_preprocess

#: Longest side of a saved image, pixels.
SIDE = 300


def panels(jobs: Sequence[ModelJob], context: Context, regions: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the rows of the panels: for each preprocessing, what its best model made of four images.

    Parameters
    ----------
    jobs : sequence of FitJob or TrainJob
        Finished models; networks go before heads.
    context : Context
    regions : DataFrame
        As `features.datasets.regions.Regions.table`; images with a region are preferred.
    method : str
        Of the maps of networks.

    Returns
    -------
    DataFrame
        The columns of `bench.explain.maps.model_maps`, with `outcome` (hit, escape, overkill or correct; an
        outcome that does not occur has no row), `values` of the true class, `opposite` of the other one, and
        `pixels`, `pixels_height`, `pixels_width` (the image after the preprocessing, grey).
    """
    frames = []
    for preprocess in dict.fromkeys(preprocess_of(job) for job in jobs):
        own = [job for job in jobs if preprocess_of(job) == preprocess]
        networks: list[ModelJob] = [job for job in own if isinstance(job, TrainJob)]
        best = max(networks or own, key=lambda job: valid_auc(context.folder, job.id))
        frames.append(_of_model(best, mapper_of(best, context, method), context, set(regions["image_id"])))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _of_model(job: ModelJob, mapper: Mapper, context: Context, marked: set[str]) -> pd.DataFrame:
    from results.leaderboard import OUTCOMES

    found = outcomes_of(context.folder, job)
    found = found.assign(plain=~found["image_id"].isin(marked), high=-found["score"])
    chosen: dict[str, str] = {}
    for outcome in OUTCOMES:
        part = found[found["outcome"] == outcome]
        order = ["plain", "score" if outcome in ("escape", "correct") else "high", "image_id"]
        chosen |= dict.fromkeys(part.sort_values(order)["image_id"].head(1), outcome)
    rows = rows_of_images(context, list(chosen))
    frame = model_maps(job, mapper, context, rows)
    paths = context.images["path"].iloc[rows].tolist()
    other = mapper.maps(mapper.pixels(paths), np.zeros(len(paths), int)).reshape(len(paths), -1)
    pairs = [
        (defect, good) if y else (good, defect)
        for y, defect, good in zip(frame["y"], frame["values"], other.astype(np.float32), strict=True)
    ]
    for name, maps in zip(("values", "opposite"), zip(*pairs, strict=True), strict=True):
        frame[name] = pd.Series(list(maps), dtype=object)
    images = [_small(path, mapper.preprocess) for path in paths]
    return frame.assign(
        outcome=list(chosen.values()),
        pixels=[image.tobytes() for image in images],
        pixels_height=[image.shape[0] for image in images],
        pixels_width=[image.shape[1] for image in images],
    )


def _small(path: str, preprocess: str) -> np.ndarray:
    """Return an image after its preprocessing, grey, no side longer than `SIDE`."""
    from PIL import Image

    step = get_preprocess(preprocess)
    image = Image.fromarray(step(read_image(path, step.bit_depth))).convert("L")
    image.thumbnail((SIDE, SIDE))
    return np.asarray(image)

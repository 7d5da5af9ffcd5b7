"""The pixels of a run's images as one array, and the regions of the defects in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from bench.console import say, task
from bench.engine.context import Context
from features.errors import NotRunnable
from features.extract.novelty import SIDE, patch_novelty
from features.pixels.arrays import load_images

if TYPE_CHECKING:
    from classifiers.cnn.training.regions import RegionMasks


@contextmanager
def run_pixels(
    context: Context, name: str, size: int | tuple[int, int], *, preprocess: str = "none", title: str
) -> Iterator[np.ndarray]:
    """Load every image of the run, in memory where it fits, else in a file that is removed afterwards.

    Parameters
    ----------
    context : Context
    name : str
        Of the file, below `cache/` in the run folder.
    size : int or (int, int)
        Side, or height and width, that images are resized to, pixels.
    preprocess : str
    title : str
        What the progress bar shows.

    Yields
    ------
    uint8 array, shape (n_images, height, width) or (n_images, height, width, 3)
    """
    file = context.folder.path / "cache" / f"{name}.npy"
    images = context.images
    with task(title, len(images)) as update:
        pixels = load_images(
            images["path"].tolist(),
            size=size,
            channels=context.channels,
            preprocess=preprocess,
            file=file,
            progress=update,
        )
    try:
        yield pixels
    finally:
        file.unlink(missing_ok=True)


def network_size(estimator: BaseEstimator, context: Context) -> tuple[int, int]:
    """Return the (height, width) of the images that a network takes."""
    return estimator.image_size or context.common_size()


def training_masks(
    context: Context, rows: np.ndarray, size: tuple[int, int], preprocess: str = "none"
) -> RegionMasks:
    """Return the regions of training images in the pixels that a network sees, and say how many have one.

    Parameters
    ----------
    context : Context
    rows : int array, shape (n,)
        Positions of the training images in the run's split; one may occur several times.
    size : (int, int)
        Height and width that images are resized to, pixels.
    preprocess : str

    Raises
    ------
    NotRunnable
        When the rows hold the whole train split, and no image has a region that the preprocessing leaves.
    """
    from classifiers.cnn.training.regions import RegionMasks
    from features.datasets.regions import region_masks

    table = context.regions.table
    own, again = np.unique(rows, return_inverse=True)
    ids = context.images["image_id"].iloc[own]
    named = np.flatnonzero(ids.isin(table["image_id"]))
    masks = region_masks(table, ids.iloc[named].tolist(), size, preprocess)
    left = masks.any(axis=(1, 2))
    place = np.full(len(own), -1)
    place[named[left]] = np.arange(left.sum())
    found, removed = int(left.sum()), int((~left).sum())
    defective = int(context.y[own].sum())
    words = f"attention: {found} of {defective} defective training images have a box or a mask"
    words += f"; preprocessing {preprocess} cuts off that of {removed} others" if removed else ""
    # A subset of the train split may have none; its network is trained as without attention.
    if not found and np.isin(context.rows("train"), own).all():
        raise NotRunnable(f"{words}; add boxes or masks, or set attention_weights = []")
    say(words)
    return RegionMasks(place[again], masks[left])


def novelty(context: Context) -> np.ndarray:
    """Return how unlike the images labelled good each image is, computed once per run.

    See `features.extract.novelty.patch_novelty`.
    """
    return context.once("novelty", lambda: _novelty(context))


def _novelty(context: Context) -> np.ndarray:
    title = "look for what is unusual"
    with (
        run_pixels(context, "novelty", SIDE, title=f"{title}: read images") as pixels,
        task(f"{title}: compare patches", len(pixels)) as update,
    ):
        return patch_novelty(
            pixels, context.y == 0, device=context.config.device, seed=context.config.seed, progress=update
        )

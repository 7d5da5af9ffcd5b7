"""The pixels of a run's images as one array."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.base import BaseEstimator

from bench.console import task
from bench.engine.context import Context
from features.extract.novelty import SIDE, patch_novelty
from features.pixels.arrays import load_images


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

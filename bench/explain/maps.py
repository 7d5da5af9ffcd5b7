"""The heat maps of one finished model of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench.console import task
from bench.engine.context import Context
from bench.jobs.fit import FitJob
from bench.jobs.train import TrainJob
from features.chunks import chunks
from features.pixels.preprocess import get_preprocess

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

EXACT, OCCLUSION = "exact", "occlusion"
DEFAULT = "grad_cam"
#: Images that are in memory at a time.
_CHUNK = 256

ModelJob = FitJob | TrainJob
#: uint8 images and the class whose evidence is shown (1: defect) to maps (n, height, width).
MapsOf = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Mapper:
    """What makes the maps of one model.

    Parameters
    ----------
    method : str
        A method of `classifiers.maps`, `exact` (linear head on a pooled feature map) or `occlusion`.
    size : (int, int)
        Height and width that the model takes.
    channels : {1, 3}
    preprocess : str
    maps : callable
        See `MapsOf`.
    estimator : estimator
    """

    method: str
    size: tuple[int, int]
    channels: int
    preprocess: str
    maps: MapsOf
    estimator: BaseEstimator

    def pixels(self, paths: list[str]) -> np.ndarray:
        """Return images as the model takes them, uint8 array of shape (n, height, width[, 3])."""
        from features.pixels.arrays import load_images

        return load_images(
            paths, size=self.size, channels=self.channels, preprocess=self.preprocess, workers=0
        )


def mapper_of(job: ModelJob, context: Context, method: str = DEFAULT) -> Mapper:
    """Return what makes the maps of a finished model.

    Parameters
    ----------
    job : FitJob or TrainJob
    context : Context
    method : str
        For networks. Heads get exact maps where they are linear in a pooled feature map, else occlusion.

    Raises
    ------
    InputError
        When the model, or the weights of its backbone, cannot be had, and for an unknown method.
    """
    from classifiers.saving import load_classifier

    estimator = load_classifier(context.folder.model_path(job.id), device=context.config.device)
    if isinstance(job, TrainJob):
        return _of_network(job, estimator, context, method)
    return _of_head(job, estimator, context, method)


def _of_network(job: TrainJob, estimator: BaseEstimator, context: Context, method: str) -> Mapper:
    from bench.engine.pixels import network_size
    from classifiers.maps import get_method
    from classifiers.maps.networks import network_maps

    def differentiated(X: np.ndarray, classes: np.ndarray) -> np.ndarray:
        return network_maps(estimator, X, method=method, classes=classes)

    maps: MapsOf = differentiated
    if method == OCCLUSION:
        maps = _occluded(estimator.decision_function)
    else:
        get_method(method)
    size = network_size(estimator, context)
    return Mapper(method, size, estimator.n_channels_, job.preprocess, maps, estimator)


def _of_head(job: FitJob, estimator: BaseEstimator, context: Context, method: str) -> Mapper:
    from bench.jobs.embed import extractor_of
    from classifiers.cnn.training.batches import to_tensor
    from classifiers.maps.linear import bare, exact_maps, linear_weights, pooled_layer, prepared
    from features.extract.forward import choose_device
    from features.pixels.sizes import height_and_width

    extractor = extractor_of(job.embeddings, context).extractor
    backbone, device = extractor.load(), choose_device(extractor.device)
    size = height_and_width(extractor.size)
    linear = linear_weights(estimator)
    plain = bare(estimator)
    forward = extractor.forward(1)

    def score(X: np.ndarray) -> np.ndarray:
        embeddings = forward(to_tensor(X))
        if hasattr(plain, "decision_function"):
            return np.asarray(plain.decision_function(embeddings), float)
        return np.asarray(plain.predict_proba(embeddings)[:, 1], float)

    def exact(X: np.ndarray, classes: np.ndarray) -> np.ndarray:
        assert linear is not None
        found = exact_maps(
            backbone, X, {EXACT: linear}, size=size, precision=extractor.precision, device=device
        )[EXACT]
        return found * (2 * classes - 1)[:, None, None].astype(np.float32)

    blank = np.random.default_rng(0).integers(0, 256, (2, *size), np.uint8)
    pooled = linear is not None and method != OCCLUSION
    if pooled:
        backbone.module.to(device)
        pooled = pooled_layer(backbone, prepared(backbone, blank, size, device)) is not None
    named, maps = (EXACT, exact) if pooled else (OCCLUSION, _occluded(score))
    return Mapper(named, size, context.channels, job.embeddings.preprocess, maps, estimator)


def _occluded(score: Callable[[np.ndarray], np.ndarray]) -> MapsOf:
    from classifiers.maps.occlusion import occlusion_maps

    def maps(X: np.ndarray, classes: np.ndarray) -> np.ndarray:
        return occlusion_maps(score, X) * (2 * classes - 1)[:, None, None].astype(np.float32)

    return maps


def model_maps(job: ModelJob, mapper: Mapper, context: Context, rows: np.ndarray) -> pd.DataFrame:
    """Return the maps of the evidence for a defect.

    Parameters
    ----------
    job : FitJob or TrainJob
    mapper : Mapper
    context : Context
    rows : int array, shape (n,)
        Positions of the images in the run's split.

    Returns
    -------
    DataFrame
        One row per image, with the columns `results.predictions.ROW_KEY` and
        `results.tables.localisation.COLUMNS`.
    """
    frames = []
    with task(f"heat maps of {job.slug}", len(rows)) as update:
        for part in chunks(len(rows), _CHUNK):
            images = context.images.iloc[rows[part]]
            X = mapper.pixels(images["path"].tolist())
            maps = mapper.maps(X, np.ones(len(X), int))
            frames.append(_frame(job, mapper, context, images, maps))
            update(part.stop)
    return pd.concat(frames, ignore_index=True)


def _frame(
    job: ModelJob, mapper: Mapper, context: Context, images: pd.DataFrame, maps: np.ndarray
) -> pd.DataFrame:
    preprocess = get_preprocess(mapper.preprocess)
    sizes = zip(images["height"], images["width"], strict=True)
    windows = np.array([preprocess.checked_window(int(height), int(width)) for height, width in sizes])
    group = images["cluster"] if "cluster" in images else pd.Series("", index=images.index)
    columns: dict[str, Any] = {
        **job.row(context),
        "method": mapper.method,
        **{name: images[name].to_numpy() for name in ("image_id", "split", "label", "y")},
        "group": group.fillna("").astype(str).to_numpy(),
        **{name: images[name].to_numpy(int) for name in ("height", "width")},
        **{f"window_{corner}": windows[:, number] for number, corner in enumerate(("x1", "y1", "x2", "y2"))},
        "map_height": maps.shape[1],
        "map_width": maps.shape[2],
        "values": list(maps.reshape(len(maps), -1).astype(np.float32)),
    }
    return pd.DataFrame(columns)

"""Pictures of heat maps by the package `grad-cam`: one PNG file for each image, model and class."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench.console import task
from bench.engine.context import Context
from bench.explain.maps import OCCLUSION, Mapper, ModelJob
from bench.jobs.train import TrainJob
from features.errors import InputError
from features.files import atomic_path
from features.pixels.images import read_image
from features.pixels.preprocess import get_preprocess

if TYPE_CHECKING:
    import torch

CLASSES = ("good", "defect")
_BOX = (0, 158, 115)


def check_package() -> None:
    """Raise `InputError` where the package is not installed."""
    if importlib.util.find_spec("pytorch_grad_cam") is None:
        raise InputError("pictures need the package grad-cam: pip install 'defectbench[explain]'")


def draw_pictures(
    job: ModelJob, mapper: Mapper, context: Context, rows: np.ndarray, regions: pd.DataFrame, out: Path
) -> list[Path]:
    """Write the pictures of one model.

    Parameters
    ----------
    job : FitJob or TrainJob
    mapper : Mapper
        Of the same model.
    context : Context
    rows : int array
        Positions of the images.
    regions : DataFrame
        Regions of the run, whose boxes are drawn; may be empty.
    out : Path
        The files `out/MODEL/IMAGE-CLASS.png` are written; `CLASS` is `good` or `defect`.

    Returns
    -------
    list of Path
        The files. The package computes and normalises the maps of a network; the maps of a head and of
        occlusion are ours, normalised by the package in the same way.
    """
    written = []
    folder = out / f"{job.id}-{mapper.method}"
    with task(f"pictures of {job.slug}", len(rows)) as update:
        for done, row in enumerate(rows, start=1):
            image = context.images.iloc[int(row)]
            X = mapper.pixels([image["path"]])
            shown = _processed(image["path"], mapper.preprocess)
            for code, name in enumerate(CLASSES):
                heat = _normalised(job, mapper, X, code, shown.shape[:2])
                own = regions[regions["image_id"] == image["image_id"]]
                picture = _with_boxes(_overlaid(shown, heat), own, image, mapper.preprocess)
                path = folder / f"{_file_name(str(image['image_id']))}-{name}.png"
                _write(path, picture)
                written.append(path)
            update(done)
    return written


def _normalised(
    job: ModelJob, mapper: Mapper, X: np.ndarray, code: int, shape: tuple[int, ...]
) -> np.ndarray:
    """Return the map of one image as the package normalises it, float array in 0 to 1 of the given shape."""
    from pytorch_grad_cam.utils.image import scale_cam_image

    if isinstance(job, TrainJob) and mapper.method != OCCLUSION:
        maps = _by_package(mapper, X, code)
    else:
        maps = np.maximum(mapper.maps(X, np.array([code])), 0)
    return scale_cam_image(maps, (shape[1], shape[0]))[0]


def _by_package(mapper: Mapper, X: np.ndarray, code: int) -> np.ndarray:
    import pytorch_grad_cam
    import torch

    from classifiers.cnn.training.batches import to_tensor
    from classifiers.maps import get_method
    from classifiers.maps.networks import feature_layer
    from features.pixels.transforms import normalise

    estimator = mapper.estimator
    module = estimator.module_.eval()
    layer = module.body.get_submodule(feature_layer(estimator, X))

    class Whole(torch.nn.Module):
        """The network without the switch that disables the gradients of a frozen body."""

        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            # A frozen body has no gradients of its own; the input passes them on.
            embedding = module.body(normalise(images, module.mean, module.std))
            return module.head(embedding.float())

    method: Any = getattr(pytorch_grad_cam, get_method(mapper.method).package)
    images = to_tensor(X).to(estimator.device_).float().requires_grad_()
    with method(Whole(), [layer]) as cam:
        found = cam(input_tensor=images, targets=[lambda output: output[0] * (2 * code - 1)])
    module.zero_grad(set_to_none=True)
    return found


def _processed(path: str, preprocess: str) -> np.ndarray:
    """Return an image after its preprocessing, float32 array (height, width, 3) in 0 to 1."""
    step = get_preprocess(preprocess)
    pixels = step(read_image(path, step.bit_depth))
    colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    return colour.astype(np.float32) / 255


def _overlaid(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    from pytorch_grad_cam.utils.image import show_cam_on_image

    return show_cam_on_image(image, heat, use_rgb=True)


def _with_boxes(picture: np.ndarray, regions: pd.DataFrame, image: pd.Series, preprocess: str) -> np.ndarray:
    from PIL import Image, ImageDraw

    drawn = Image.fromarray(picture)
    brush = ImageDraw.Draw(drawn)
    boxes = get_preprocess(preprocess).move_boxes(
        regions[["x1", "y1", "x2", "y2"]].to_numpy(float), int(image["height"]), int(image["width"])
    )
    for box in boxes[~np.isnan(boxes).any(axis=1)]:
        brush.rectangle([float(corner) for corner in box], outline=_BOX)
    return np.asarray(drawn)


def _file_name(image_id: str) -> str:
    """Return an id without the characters that a file name cannot hold."""
    return re.sub(r"[^\w.-]+", "_", image_id)


def _write(path: Path, picture: np.ndarray) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")

"""Exact class activation maps of linear heads on pooled feature maps."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from classifiers.maps.feature_map import is_pooled, last_feature_map, map_and_embedding, prepared
from classifiers.maps.networks import BATCH
from features.backbones.registry import Backbone
from features.chunks import chunks
from features.errors import InputError
from features.extract.forward import autocast


def linear_weights(estimator: BaseEstimator) -> tuple[np.ndarray, float] | None:
    """Return the weights and the intercept of a head, None where it is not linear in the embedding.

    Parameters
    ----------
    estimator : estimator
        Fitted pipeline of a `StandardScaler` and a binary classifier, as `make_classifier` makes it; also
        with a calibration around it, as a run saves it.

    Returns
    -------
    weights : float64 array, shape (dim,)
        They hold for embeddings that are not scaled.
    intercept : float
        `embeddings @ weights + intercept` is the decision value.

    Examples
    --------
    >>> weights, intercept = linear_weights(make_classifier("lda").fit(X, y))  # doctest: +SKIP
    """
    estimator = bare(estimator)
    if not isinstance(estimator, Pipeline):
        return None
    *scalers, (_, model) = estimator.steps
    # An SVM has `coef_` only with a linear kernel.
    if not hasattr(model, "coef_") or np.shape(model.coef_)[0] != 1:
        return None
    weights, intercept = np.asarray(model.coef_[0], float), float(np.ravel(model.intercept_)[0])
    for _, scaler in reversed(scalers):
        scale = np.ones_like(weights) if scaler.scale_ is None else scaler.scale_
        mean = np.zeros_like(weights) if scaler.mean_ is None else scaler.mean_
        weights = weights / scale
        intercept -= float(weights @ mean)
    return weights, intercept


def bare(estimator: BaseEstimator) -> BaseEstimator:
    """Return the model inside a calibration; another model as it is."""
    while hasattr(estimator, "estimator") and not isinstance(estimator, Pipeline):
        estimator = estimator.estimator
    return estimator


def pooled_layer(backbone: Backbone, images: torch.Tensor) -> str | None:
    """Return the layer whose mean over all positions is the embedding, None where there is none.

    Parameters
    ----------
    backbone : Backbone
    images : float tensor, shape (n, channels, height, width)
        Normalised images, a small batch; whether the embedding is the mean is tried out on them.

    Returns
    -------
    str or None
        None for networks with dense layers before the embedding, such as VGG and the designed ResNet.
    """
    try:
        name = last_feature_map(backbone.module, images)
    except InputError:
        return None
    return name if is_pooled(backbone.module, name, images) else None


def exact_maps(
    backbone: Backbone,
    X: np.ndarray,
    heads: dict[str, tuple[np.ndarray, float]],
    *,
    size: int | tuple[int, int],
    precision: str = "float32",
    device: torch.device | str = "cpu",
    batch_size: int = BATCH,
) -> dict[str, np.ndarray]:
    """Return the class activation map of each linear head on the same embeddings.

    The value at a position is the share of the decision value that this position contributes: the sum of a
    map plus the head's intercept is the head's decision value.

    Parameters
    ----------
    backbone : Backbone
        A network whose embedding is the mean of its last feature map.
    X : uint8 array, shape (n, height, width) or (n, height, width, 3)
    heads : dict of str to (weights, intercept)
        As `linear_weights` returns them.
    size : int or (int, int)
        Side, or height and width, that images are resized to, pixels.
    precision : {"bfloat16", "float16", "float32"}
        Precision that the network computes in.
    device : torch.device or str
    batch_size : int
        Images per pass.

    Returns
    -------
    dict of str to float32 array of shape (n, map_height, map_width)
        The evidence for a defect; its negative is the evidence for a good part.

    Raises
    ------
    InputError
        If the embedding is not the mean of a feature map.

    References
    ----------
    Zhou et al., Learning deep features for discriminative localization, CVPR 2016.
    """
    device = torch.device(device)
    # The weights of an LDA are large and cancel each other out.
    exact = torch.float32 if device.type == "mps" else torch.float64
    parts: dict[str, list[np.ndarray]] = {name: [] for name in heads}
    with torch.no_grad(), autocast(device, getattr(torch, precision)), on_device(backbone, device):
        layer = None
        for rows in chunks(len(X), batch_size):
            images = prepared(backbone, X[rows], size, device)
            layer = layer or pooled_layer(backbone, images[:2])
            if layer is None:
                raise InputError(f"{backbone.name}: the embedding is not a pooled feature map; use occlusion")
            feature_map, _ = map_and_embedding(backbone.module, layer, images)
            area = feature_map.shape[2] * feature_map.shape[3]
            with torch.autocast(device.type, enabled=False):
                for name, (weights, _) in heads.items():
                    weight = torch.from_numpy(weights / area).to(device, exact)
                    values = torch.einsum("nchw,c->nhw", feature_map.to(exact), weight)
                    parts[name].append(values.float().cpu().numpy())
    return {name: np.concatenate(maps) for name, maps in parts.items()}


@contextmanager
def on_device(backbone: Backbone, device: torch.device) -> Iterator[None]:
    """Move a backbone to a device, in evaluation mode, for the length of a `with` block."""
    parameter = next(backbone.module.parameters(), None)
    before = device if parameter is None else parameter.device
    backbone.module.eval().to(device)
    try:
        yield
    finally:
        backbone.module.to(before)

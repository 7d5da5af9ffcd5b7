"""Heat maps of end-to-end networks."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from classifiers.cnn.training.images import check_images
from classifiers.maps import get_method
from classifiers.maps.feature_map import last_feature_map, prepared
from features.chunks import chunks
from features.errors import InputError
from features.extract.forward import autocast

BATCH = 64


def network_maps(
    estimator: ImageClassifier,
    X: np.ndarray,
    *,
    method: str = "grad_cam",
    classes: np.ndarray | int | None = None,
    batch_size: int = BATCH,
) -> np.ndarray:
    """Return the raw heat map of each image on the last feature map of a network.

    The network computes in its own precision; maps are float32. With test-time augmentation the maps are
    those of the image as it is. Only the layers after the feature map are differentiated, so a map costs
    little more than a forward pass, and a frozen network has maps too.

    Parameters
    ----------
    estimator : ImageClassifier
        Fitted network.
    X : uint8 array, shape (n, height, width) or (n, height, width, 3)
    method : str
        One of `classifiers.maps.names()`.
    classes : int or int array of shape (n,), optional
        Code of the class whose evidence is shown, for each image; by default the last class, which is the
        defect of a network with two classes.
    batch_size : int
        Images per pass.

    Returns
    -------
    float32 array, shape (n, map_height, map_width)

    Raises
    ------
    InputError
        For an unknown method or class, images of a wrong type, and a network without a feature map.

    Examples
    --------
    >>> network_maps(network, images, method="layer_cam").shape  # doctest: +SKIP
    (60, 4, 4)
    """
    check_is_fitted(estimator, "module_")
    X = check_images(X)
    compute = get_method(method).compute
    codes = _codes(classes, len(X), len(estimator.classes_))
    module, device = estimator.module_.eval(), estimator.device_
    parts = []
    dtype = getattr(torch, estimator.precision)
    with autocast(device, dtype):
        layer = module.body.get_submodule(feature_layer(estimator, X))
        with feature_map_as_leaf(layer) as leaf:
            for rows in chunks(len(X), batch_size):
                images = _prepared(estimator, X[rows])
                activations, gradients = _gradients(module, images, torch.from_numpy(codes[rows]), leaf)
                with torch.no_grad(), torch.autocast(device.type, enabled=False):
                    parts.append(compute(activations.float(), gradients.float()).cpu().numpy())
    return np.concatenate(parts)


def feature_layer(estimator: ImageClassifier, X: np.ndarray) -> str:
    """Return the name of the layer in the body of a fitted network that gives the last feature map.

    Parameters
    ----------
    estimator : ImageClassifier
    X : uint8 array
        Images of the network; the first is passed through it.
    """
    return last_feature_map(estimator.module_.body, _prepared(estimator, X[:1]))


def _prepared(estimator: ImageClassifier, X: np.ndarray) -> torch.Tensor:
    return prepared(estimator.module_, X, estimator.image_size, estimator.device_)


@contextmanager
def feature_map_as_leaf(layer: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Cut the graph of a network at the output of a layer, and differentiate what comes after it.

    Yields
    ------
    list of tensor
        After a forward pass under `torch.no_grad`: the output of the layer, which takes a gradient.
    """
    leaf: list[torch.Tensor] = []

    def cut(module: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        leaf[:] = [output.detach().requires_grad_()]
        # The caller disabled gradients for the layers before; its context restores the mode at its end.
        torch.set_grad_enabled(True)
        # A layer that works in place may follow, which a leaf does not allow.
        return leaf[0].clone()

    handle = layer.register_forward_hook(cut)
    try:
        yield leaf
    finally:
        handle.remove()


def _gradients(
    module: BodyAndHead, images: torch.Tensor, codes: torch.Tensor, leaf: list[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the feature map of a batch and the gradient of each image's class score."""
    with torch.no_grad():
        embedding = module.body(images)
        with torch.autocast(images.device.type, enabled=False):
            decisions = module.head(embedding.float())
        codes = codes.to(decisions.device)
        if decisions.shape[1] == 1:
            # The one decision speaks for class 1, its negative for class 0.
            scores = decisions[:, 0] * (2 * codes - 1)
        else:
            scores = decisions.gather(1, codes[:, None])[:, 0]
        # Images of a batch do not depend on one another in evaluation mode.
        (gradients,) = torch.autograd.grad(scores.sum(), leaf)
    return leaf[0].detach(), gradients


def _codes(classes: np.ndarray | int | None, n: int, n_classes: int) -> np.ndarray:
    codes = np.broadcast_to(n_classes - 1 if classes is None else np.asarray(classes), (n,)).astype(np.int64)
    if len(codes) and not (codes.min() >= 0 and codes.max() < n_classes):
        wrong = codes[(codes < 0) | (codes >= n_classes)][0]
        raise InputError(f"class code {wrong}: give codes from 0 to {n_classes - 1}")
    return codes

"""The last feature map of a network: the last output that still has a place for each part of the image."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from classifiers.cnn.modules import BodyAndHead
from classifiers.cnn.training.batches import to_tensor
from features.backbones.registry import Backbone
from features.errors import InputError
from features.pixels.transforms import normalise, resize_batch

#: Largest difference, relative to the embedding, between an embedding and its mean feature map.
_TOLERANCE = 0.02
_POOLING = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.AvgPool2d)


@dataclass(frozen=True, eq=False)
class _Call:
    """What one module returned; the output is kept, so that no other tensor takes its address."""

    name: str
    output: torch.Tensor
    pools: bool


def last_feature_map(body: nn.Module, images: torch.Tensor) -> str:
    """Return the name of the module that gives a network's last feature map.

    Parameters
    ----------
    body : Module
        Normalised images to embeddings.
    images : float tensor, shape (n, channels, height, width)
        A small batch that is passed through the network once.

    Returns
    -------
    str
        For `body.get_submodule`: the outermost module with this output. Global pooling is left out; a
        network without another feature map gives the output of its adaptive pooling.

    Raises
    ------
    InputError
        If no module gives a feature map.

    Examples
    --------
    >>> last_feature_map(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()), torch.zeros(1, 1, 8, 8))
    '0'
    """
    calls: list[_Call] = []

    def remember(name: str, module: nn.Module, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            whole = isinstance(module, nn.AvgPool2d) and output.shape[2] * output.shape[3] > 1
            calls.append(_Call(name, output, isinstance(module, _POOLING) and not whole))

    handles = [
        module.register_forward_hook(lambda module, _, output, name=name: remember(name, module, output))
        for name, module in body.named_modules()
        if name
    ]
    mode = body.training
    try:
        with torch.no_grad():
            body.eval()(images)
    finally:
        body.train(mode)
        for handle in handles:
            handle.remove()
    pooled = {id(call.output) for call in calls if call.pools}
    maps = [call.output for call in calls if id(call.output) not in pooled]
    maps = maps or [call.output for call in calls if call.output.shape[2] * call.output.shape[3] > 1]
    times = Counter(call.name for call in calls)
    names = [call.name for call in calls if maps and call.output is maps[-1] and times[call.name] == 1]
    if not names:
        raise InputError(
            f"{type(body).__name__}: no layer gives a feature map (n, channels, height, width) exactly once; "
            "use the method occlusion"
        )
    # Modules return in this order: what passes a map on or changes it in place comes after what made it.
    return names[-1]


def map_and_embedding(body: nn.Module, layer: str, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the feature map of a layer and the embedding of a batch, both float32."""
    found: list[torch.Tensor] = []
    handle = body.get_submodule(layer).register_forward_hook(
        lambda module, inputs, output: found.append(output)
    )
    try:
        embedding = body(images)
    finally:
        handle.remove()
    return found[-1].float(), embedding.float()


def is_pooled(body: nn.Module, layer: str, images: torch.Tensor) -> bool:
    """Return whether the embedding is the mean of a layer's feature map, tried out on a small batch.

    Parameters
    ----------
    body : Module
        Normalised images to embeddings, in evaluation mode.
    layer : str
        As `last_feature_map` returns it.
    images : float tensor, shape (n, channels, height, width)
    """
    with torch.no_grad():
        feature_map, embedding = map_and_embedding(body, layer, images)
    mean = feature_map.mean(dim=(2, 3))
    if mean.shape != embedding.shape:
        return False
    difference = (mean - embedding).abs().max()
    return bool(difference <= _TOLERANCE * embedding.abs().max().clamp_min(1e-6))


def prepared(
    network: BodyAndHead | Backbone,
    X: np.ndarray,
    size: int | tuple[int, int] | None,
    device: torch.device,
) -> torch.Tensor:
    """Return images resized and normalised, as the body of a network or a backbone takes them.

    Parameters
    ----------
    network : BodyAndHead or Backbone
        Its `mean` and `std` count.
    X : uint8 array, shape (n, height, width) or (n, height, width, 3)
    size : int, (int, int) or None
        Side, or height and width, pixels; None keeps the size.
    device : torch.device

    Returns
    -------
    float32 tensor, shape (n, channels, height, width), channels last in memory
    """
    images = to_tensor(X).to(device)
    if size is not None:
        images = resize_batch(images, size)
    return normalise(images, network.mean, network.std).contiguous(memory_format=torch.channels_last)

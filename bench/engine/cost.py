"""The size and the speed of a model."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from torch.utils.flop_counter import FlopCounterMode

from features.backbones.registry import Backbone
from features.pixels.sizes import height_and_width

BATCHES = (1, 64)
_PATIENCE = 1.0
_REPEATS = 5
_NUMBERS_PER_NODE = 3


@dataclass(frozen=True)
class Cost:
    """The cost of a network, or of a head on embeddings.

    Parameters
    ----------
    parameters : int
        Numbers stored: the parameters of a network, the coefficients of a linear model, the support
        vectors of an SVM and their weights, three per node of a tree (feature, threshold, value), the rows
        that nearest neighbours are looked up in, the mean and the precision matrix of a Gaussian.
    flops : float
        Floating-point operations of the network per image; a multiply-add counts as two. The head on
        embeddings is not counted: it is small next to any network.
    seconds : tuple of float
        Seconds per image in batches of 1 and of 64.
    model_bytes : int
        Size on disk.
    """

    parameters: int
    flops: float
    seconds: tuple[float, float]
    model_bytes: int

    def __add__(self, other: "Cost") -> "Cost":
        """Return the cost of running both, one after the other."""
        return Cost(
            self.parameters + other.parameters,
            self.flops + other.flops,
            (self.seconds[0] + other.seconds[0], self.seconds[1] + other.seconds[1]),
            self.model_bytes + other.model_bytes,
        )

    def columns(self) -> dict[str, float]:
        """Return the columns of the predictions schema."""
        return {
            "parameters": self.parameters,
            "flops": self.flops,
            "images_per_second_1": 1 / self.seconds[0],
            "images_per_second_64": 1 / self.seconds[1],
            "model_bytes": self.model_bytes,
        }


def cost_of_backbone(
    backbone: Backbone, embed: Callable[[np.ndarray], Any], images: np.ndarray, size: tuple[int, int]
) -> Cost:
    """Measure a network that embeds.

    Parameters
    ----------
    backbone : Backbone
    embed : callable
        Decoded images to embeddings.
    images : uint8 array, shape (64, height, width[, 3])
    size : (int, int)
        Height and width that images are resized to.
    """
    parameters = sum(tensor.numel() for tensor in backbone.module.parameters())
    size_bytes = sum(t.numel() * t.element_size() for t in backbone.module.state_dict().values())
    shape = (1, len(backbone.mean), *size)
    flops = count_flops(backbone.module, shape)
    return Cost(parameters, flops, _seconds(embed, images), size_bytes)


def cost_of_estimator(estimator: BaseEstimator, score: Callable[[Any], Any], X: Any, folder: Path) -> Cost:
    """Measure a fitted estimator that is saved in `folder`, on 64 of its inputs."""
    saved = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    flops = 0.0
    numbers = count_numbers(estimator)
    if hasattr(estimator, "patch_module"):
        module = estimator.patch_module()
        flops = count_flops(module, (1, 3, *height_and_width(estimator.size)))
        numbers += sum(tensor.numel() for tensor in module.parameters())
    if hasattr(estimator, "module_"):
        module = estimator.module_
        size = estimator.image_size or X.shape[1:3]
        flops = count_flops(module.body, (1, len(module.mean), *size))
    return Cost(numbers, flops, _seconds(score, X), saved)


def count_flops(module: torch.nn.Module, shape: tuple[int, ...]) -> float:
    """Count the operations of one forward pass over a tensor of this shape."""
    module = module.eval()
    device = next(module.parameters()).device
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        module(torch.zeros(shape, device=device))
    return float(counter.get_total_flops())


@dataclass(frozen=True)
class Footprint:
    """What the training of a network needs.

    Parameters
    ----------
    parameters : int
    memory : float
        Bytes, besides what Python and its libraries take.
    """

    parameters: int
    memory: float

    @property
    def words(self) -> str:
        """Both as people write them.

        Examples
        --------
        >>> Footprint(12345, 2.5e8).words
        '12,345 parameters, about 250 MB'
        """
        size = f"{self.memory / 1e9:.1f} GB" if self.memory >= 1e9 else f"{self.memory / 1e6:.0f} MB"
        return f"{self.parameters:,} parameters, about {size}"


def training_footprint(
    module: torch.nn.Module, shape: tuple[int, int, int], batch_size: int, images: int
) -> Footprint:
    """Estimate the memory of a training without taking a step.

    Parameters
    ----------
    module : Module
        The network, on the CPU; it is left as it was.
    shape : (int, int, int)
        Channels, height and width of the images.
    batch_size : int
        Images per step.
    images : int
        Images that are held in memory, one byte per value.

    Returns
    -------
    Footprint
        The memory is that of the weights, their gradients, two values per weight of the optimizer, a copy
        of the best weights, what the backward pass needs of a batch in bfloat16, and the images. The
        working memory of single operations is not counted.
    """
    two, four = (_saved_bytes(module, (count, *shape)) for count in (2, 4))
    activations = two + (four - two) / 2 * (batch_size - 2)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in module.parameters())
    pixels = images * math.prod(shape)
    parameters = sum(tensor.numel() for tensor in module.parameters())
    return Footprint(parameters, 5 * weights + max(activations, 0) + pixels)


def _saved_bytes(module: torch.nn.Module, shape: tuple[int, ...]) -> float:
    """Return the bytes that a forward pass keeps for the backward pass, each storage once."""
    own = {tensor.untyped_storage().data_ptr() for tensor in module.parameters()}
    found: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        # The storages stay alive until they are counted, so that no address is used twice.
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage
        return tensor

    state = {name: tensor.clone() for name, tensor in module.named_buffers()}
    was_training = module.training
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16):
        module.train()(torch.zeros(shape))
    module.train(was_training)
    with torch.no_grad():
        for name, tensor in module.named_buffers():
            tensor.copy_(state[name])
    return float(sum(storage.nbytes() for storage in found.values()))


def count_numbers(estimator: BaseEstimator) -> int:
    """Count the numbers that a fitted estimator stores; see `Cost`."""
    if isinstance(estimator, Pipeline):
        return sum(count_numbers(step) for _, step in estimator.steps)
    if hasattr(estimator, "module_"):
        return sum(tensor.numel() for tensor in estimator.module_.parameters())
    if hasattr(estimator, "get_booster"):
        return _NUMBERS_PER_NODE * len(estimator.get_booster().trees_to_dataframe())
    if hasattr(estimator, "estimators_"):
        return _NUMBERS_PER_NODE * sum(tree.tree_.node_count for tree in estimator.estimators_)
    if hasattr(estimator, "support_vectors_") and estimator.kernel != "linear":
        return int(estimator.support_vectors_.size + estimator.dual_coef_.size + estimator.intercept_.size)
    for inner in ("detector_", "neighbours_"):
        if hasattr(estimator, inner):
            return count_numbers(getattr(estimator, inner))
    kept = ("coef_", "intercept_", "mean_", "scale_", "location_", "precision_", "_fit_X")
    return sum(int(np.size(getattr(estimator, name))) for name in kept if hasattr(estimator, name))


def _seconds(call: Callable[[Any], Any], X: Any) -> tuple[float, float]:
    one, many = (_seconds_per_image(call, X[:size]) for size in BATCHES)
    return one, many


def _seconds_per_image(call: Callable[[Any], Any], X: Any) -> float:
    """Return the median duration of a few calls per image; the first call is not counted."""
    call(X)
    spent: list[float] = []
    while len(spent) < _REPEATS and sum(spent) < _PATIENCE:
        started = time.perf_counter()
        call(X)
        spent.append(time.perf_counter() - started)
    return max(float(np.median(spent)), 1e-9) / len(X)

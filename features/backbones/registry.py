"""The backbones there are: networks that map images to their penultimate activations.

Names and metadata are available without importing torch, which takes seconds; building a network
imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from features.backbones import efficientnet_lite
from features.backbones.resnet import resnet_body
from features.backbones.vgg import vgg_body
from features.backbones.weights import Weights, hash_state, load_matching, load_weights
from features.errors import InputError, NotRunnable
from features.pixels.transforms import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    from torch import nn

#: Behind the name of a backbone: its embedding is the mean over an image and its mirror images.
FLIPS = "+flips"


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network in evaluation mode and what its embeddings are called.

    Parameters
    ----------
    name : str
        Architecture, such as `resnet18`, or `resnet18+flips`.
    weights : str
        Name of the weights for tables: `random`, `imagenet`, `fine-tuned`, a file's stem.
    sha256 : str
        Hash of the weights.
    module : Module
        Takes normalised float images (n, 3, size, size), gives (n, dim).
    dim : int
        Length of one embedding.
    mean, std : tuple of floats
        Normalisation that the module expects.
    """

    name: str
    weights: str
    sha256: str
    module: nn.Module
    dim: int
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


@dataclass(frozen=True)
class BackboneInfo:
    """What a backbone takes and gives, and how it is built.

    Parameters
    ----------
    build : callable
        Returns the untrained network without its head.
    dim : int
        Length of one embedding.
    mean, std : tuple of floats
        Normalisation of the channels that the network expects, on the scale 0 to 1.
    patch_layers : tuple of str
        Submodules whose maps are patch features, at an eighth and a sixteenth of the image's size; see
        `features.extract.patches`. Empty where patches are not supported.
    """

    build: Callable[[], nn.Module]
    dim: int
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    patch_layers: tuple[str, ...] = ()


def names() -> list[str]:
    """Return the names of the backbones that `load_backbone` knows."""
    return list(_REGISTRY)


def info(name: str) -> BackboneInfo:
    """Return the metadata of a backbone without building it.

    Parameters
    ----------
    name : str
        One of `names()`, with `FLIPS` behind it for the mean over mirrored views.

    Raises
    ------
    InputError
        For an unknown name.

    Examples
    --------
    >>> info("resnet18").dim
    512
    """
    plain = architecture_of(name)
    if plain not in _REGISTRY:
        raise InputError(f"no backbone {name!r}; there are: {', '.join(_REGISTRY)}")
    # The mean over views has no place in the image.
    return _REGISTRY[name] if name == plain else replace(_REGISTRY[plain], patch_layers=())


def architecture_of(name: str) -> str:
    """Return the name of a backbone's architecture, which its weights are of.

    Examples
    --------
    >>> architecture_of("resnet18+flips")
    'resnet18'
    """
    return name.removesuffix(FLIPS)


def check_patches(name: str) -> None:
    """Raise `NotRunnable` for a backbone whose entry names no layers of patch features."""
    if not info(name).patch_layers:
        able = ", ".join(each for each, entry in _REGISTRY.items() if entry.patch_layers)
        raise NotRunnable(f"no patch layers are known for {name}; use one of: {able}")


def load_backbone(name: str, weights: str = "imagenet", *, seed: int = 0) -> Backbone:
    """Build a network up to its penultimate layer.

    Parameters
    ----------
    name : str
        As in `info`.
    weights : str
        `imagenet`, `random` or the path of a state dict; see `features.backbones.weights.load_weights`.
    seed : int
        For random weights.

    Returns
    -------
    Backbone
        512 dimensions for ResNet-18 and 34, 2048 for ResNet-50, 4096 for VGG-16 and 19, 1280 for
        EfficientNet-Lite0.

    Raises
    ------
    InputError
        For an unknown name or weights of another architecture; `WeightsUnavailable` (an InputError)
        when they cannot be reached.

    References
    ----------
    He et al., Deep residual learning for image recognition, CVPR 2016. Simonyan and Zisserman, Very deep
    convolutional networks for large-scale image recognition, ICLR 2015.
    """
    info(name)
    found = load_weights(architecture_of(name), weights, seed=seed)
    return backbone_from_weights(name, found)


def backbone_from_weights(name: str, weights: Weights) -> Backbone:
    """Build the backbone `name` from weights at hand; a head among them is left out."""
    import torch

    plan = info(name)
    with torch.random.fork_rng(devices=[]):
        module = plan.build()
    load_matching(module, weights.state, weights.name)
    sha256 = hash_state(module.state_dict())
    if name != architecture_of(name):
        from features.backbones.flips import FlipsNetwork

        module = FlipsNetwork(module)
    return Backbone(name, weights.name, sha256, module.eval(), plan.dim, plan.mean, plan.std)


_RESNET = ("layer2", "layer3")
_REGISTRY: dict[str, BackboneInfo] = {
    "resnet18": BackboneInfo(partial(resnet_body, "resnet18"), 512, patch_layers=_RESNET),
    "resnet34": BackboneInfo(partial(resnet_body, "resnet34"), 512, patch_layers=_RESNET),
    "resnet50": BackboneInfo(partial(resnet_body, "resnet50"), 2048, patch_layers=_RESNET),
    "vgg16_bn": BackboneInfo(partial(vgg_body, "vgg16_bn"), 4096),
    "vgg19_bn": BackboneInfo(partial(vgg_body, "vgg19_bn"), 4096),
    efficientnet_lite.NAME: BackboneInfo(
        efficientnet_lite.make_network,
        efficientnet_lite.DIM,
        efficientnet_lite.MEAN,
        efficientnet_lite.STD,
        patch_layers=("blocks.2", "blocks.4"),
    ),
}

"""Networks without their heads: images in, penultimate activations out."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torchvision
from torch import nn
from torchvision.models import vgg

from features import efficientnet_lite
from features.errors import InputError
from features.transforms import IMAGENET_MEAN, IMAGENET_STD
from features.weights import Weights, hash_state, load_matching, load_weights


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network in evaluation mode and what its embeddings are called.

    Parameters
    ----------
    name : str
        Architecture, such as `resnet18`.
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


def names() -> list[str]:
    """Return the names of the backbones that `load_backbone` knows."""
    return list(_REGISTRY)


def load_backbone(name: str, weights: str = "imagenet", *, seed: int = 0) -> Backbone:
    """Build a network up to its penultimate layer.

    Parameters
    ----------
    name : str
        One of `names()`.
    weights : str
        `imagenet`, `random` or the path of a state dict; see `features.weights.load_weights`.
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
    if name not in _REGISTRY:
        raise InputError(f"no backbone {name!r}; there are: {', '.join(_REGISTRY)}")
    found = load_weights(name, weights, seed=seed)
    return backbone_from_weights(name, found)


def backbone_from_weights(name: str, weights: Weights) -> Backbone:
    """Build the backbone `name` from weights at hand; a head among them is left out."""
    plan = _REGISTRY[name]
    with torch.random.fork_rng(devices=[]):
        module = plan.build()
    load_matching(module, weights.state, weights.name)
    sha256 = hash_state(module.state_dict())
    return Backbone(name, weights.name, sha256, module.eval(), plan.dim, plan.mean, plan.std)


def vgg_body(name: str, hidden_units: int = 4096) -> nn.Module:
    """Build VGG (batch norm) up to its second dense layer, its tensors named as torchvision names them.

    Parameters
    ----------
    name : {"vgg16_bn", "vgg19_bn"}
    hidden_units : int
        Width of both dense layers; torchvision's have 4096.

    Returns
    -------
    Module
        Initialised as torchvision does; takes (n, 3, height, width), gives (n, hidden_units).
    """
    features = vgg.make_layers(vgg.cfgs[_VGG_PLANS[name]], batch_norm=True)
    classifier = nn.Sequential(
        *(nn.Linear(512 * 7 * 7, hidden_units), nn.ReLU(), nn.Dropout()),
        *(nn.Linear(hidden_units, hidden_units), nn.ReLU(), nn.Dropout()),
    )
    for layer in [*features, *classifier]:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0, 0.01)
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    body = nn.Sequential()
    body.add_module("features", features)
    body.add_module("pool", nn.AdaptiveAvgPool2d((7, 7)))
    body.add_module("flatten", nn.Flatten())
    body.add_module("classifier", classifier)
    return body


class GreyStem(nn.Module):
    """The first convolution of a three-channel network, computed on one grey channel.

    A grey photograph fills the three channels with the same picture, each normalised in its own way,
    so the three input filters fold into one, plus what the normalisation's shifts add; near the
    border, where padding is zero and not shifted, that addition differs from the inside. Equal to the
    three-channel convolution up to rounding.

    Parameters
    ----------
    conv : Conv2d
        Three input channels, zero padding.
    mean, std : tuple of three floats
        The network's normalisation.
    """

    shift_filter: torch.Tensor
    bias: torch.Tensor

    def __init__(self, conv: nn.Conv2d, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        if not can_fold(conv) or conv.in_channels != len(mean):
            raise ValueError("only a plain convolution with zero padding folds")
        scale = torch.tensor(std).reciprocal()
        shift = -torch.tensor(mean) * scale
        weight = conv.weight.detach()
        self.conv = copy.deepcopy(conv)
        self.conv.in_channels, self.conv.bias = 1, None
        self.conv.weight = nn.Parameter(torch.einsum("oihw,i->ohw", weight, scale).unsqueeze(1))
        self.register_buffer("shift_filter", torch.einsum("oihw,i->ohw", weight, shift).unsqueeze(1))
        bias = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias.detach()
        self.register_buffer("bias", bias.clone())
        self._addition: dict[tuple[object, ...], torch.Tensor] = {}

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Convolve grey images of 0 to 1, shape (n, 1, height, width)."""
        out = self.conv(grey)
        return out + self._addition_for(grey.shape[-2:], out)

    def _addition_for(self, size: torch.Size, like: torch.Tensor) -> torch.Tensor:
        key = (tuple(size), like.dtype, like.device)
        if key not in self._addition:
            ones = torch.ones(1, 1, *size, device=like.device)
            with torch.autocast(like.device.type, enabled=False):
                addition = self.conv._conv_forward(ones, self.shift_filter.float(), self.bias.float())
            self._addition[key] = addition.to(like.dtype).contiguous(memory_format=torch.channels_last)
        return self._addition[key]


def can_fold(conv: nn.Conv2d) -> bool:
    """Tell whether `GreyStem` takes this convolution; a subclass may pad in a way of its own."""
    plain = type(conv) is nn.Conv2d and conv.padding_mode == "zeros" and conv.groups == 1
    return plain and conv.in_channels == 3


@dataclass(frozen=True)
class _Plan:
    """How a backbone is built, untrained, and what goes in and comes out."""

    build: Callable[[], nn.Module]
    dim: int
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


def _resnet(name: str) -> nn.Module:
    module = torchvision.models.get_model(name, weights=None)
    module.fc = nn.Identity()
    return module


_VGG_PLANS = {"vgg16_bn": "D", "vgg19_bn": "E"}
_REGISTRY: dict[str, _Plan] = {
    "resnet18": _Plan(partial(_resnet, "resnet18"), 512),
    "resnet34": _Plan(partial(_resnet, "resnet34"), 512),
    "resnet50": _Plan(partial(_resnet, "resnet50"), 2048),
    "vgg16_bn": _Plan(partial(vgg_body, "vgg16_bn"), 4096),
    "vgg19_bn": _Plan(partial(vgg_body, "vgg19_bn"), 4096),
    efficientnet_lite.NAME: _Plan(
        efficientnet_lite.make_network, efficientnet_lite.DIM, efficientnet_lite.MEAN, efficientnet_lite.STD
    ),
}

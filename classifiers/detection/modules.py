"""The parts that detectors share: the feature pyramid, and convolutions in reduced precision."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.ops import FeaturePyramidNetwork

from features.backbones.registry import Backbone
from features.extract.forward import autocast

_STAGES = ("layer1", "layer2", "layer3", "layer4")


class InPrecision(nn.Module):
    """Compute a module in a reduced precision; what it returns is float32.

    The coordinates of boxes need more digits than bfloat16 has, so that only convolutions and dense layers
    are computed in it.

    Parameters
    ----------
    module : Module
    precision : str
        Name of a type of torch.
    """

    def __init__(self, module: nn.Module, precision: str):
        super().__init__()
        self.module, self.dtype = module, getattr(torch, precision)

    def forward(self, inputs: Any) -> Any:
        """Return what the module returns, as float32."""
        first = inputs[0] if isinstance(inputs, list) else inputs
        with autocast(first.device, self.dtype):
            return _as_float(self.module(inputs))


class InPrecisionPyramid(InPrecision):
    """A pyramid in reduced precision, with the number of channels that torchvision asks for."""

    def __init__(self, module: nn.Module, precision: str, channels: int):
        super().__init__(module, precision)
        self.out_channels = channels


class Pyramid(nn.Module):
    """A ResNet with a feature pyramid on its stages.

    Parameters
    ----------
    backbone : Backbone
        A ResNet, from `features.backbones.registry.load_backbone`.
    first : int
        The first stage that the pyramid takes, from 1 (stride 4) to 4 (stride 32).
    channels : int
        Channels of each level of the pyramid.
    train_norms : bool
        Whether the batch norms of the ResNet are trained, or keep their statistics and their factors.

    References
    ----------
    Lin et al., Feature pyramid networks for object detection, CVPR 2017.
    """

    def __init__(self, backbone: Backbone, first: int, channels: int, train_norms: bool):
        super().__init__()
        stages = _STAGES[first - 1 :]
        self.body = IntermediateLayerGetter(backbone.module, {name: name for name in stages})
        widths = [backbone.dim // 2 ** (len(stages) - 1 - place) for place in range(len(stages))]
        self.fpn = FeaturePyramidNetwork(widths, channels, norm_layer=nn.BatchNorm2d)
        self.out_channels, self.levels, self.train_norms = channels, list(stages), train_norms
        if not train_norms:
            for norm in self._norms():
                norm.requires_grad_(False)

    def forward(self, images: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        """Return the levels of the pyramid by their names, finest first."""
        images = images.contiguous(memory_format=torch.channels_last)
        return self.fpn(self.body(images))

    def train(self, mode: bool = True) -> Pyramid:
        """Switch to training; batch norms that are not trained stay as they are."""
        super().train(mode)
        if not self.train_norms:
            for norm in self._norms():
                norm.eval()
        return self

    def _norms(self) -> list[nn.Module]:
        return [module for module in self.body.modules() if isinstance(module, nn.BatchNorm2d)]


class DetectorModule(nn.Module):
    """A detection network of torchvision and the normalisation of its images.

    Parameters
    ----------
    body : Module
        Takes a batch of normalised images, shape (n, 3, height, width), and in training their targets.
    mean, std : tuple of floats
        Normalisation of the channels, on the scale 0 to 1.
    """

    def __init__(self, body: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        self.body, self.mean, self.std = body, mean, std

    def forward(self, images: torch.Tensor, targets: list[dict[str, torch.Tensor]] | None = None) -> Any:
        """Return losses by name in training, else a dict of boxes, labels and scores per image."""
        return self.body(images, targets)


def _as_float(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.float()
    if isinstance(value, Mapping):
        return OrderedDict((name, _as_float(each)) for name, each in value.items())
    return type(value)(_as_float(each) for each in value)

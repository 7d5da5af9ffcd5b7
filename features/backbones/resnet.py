"""ResNets, as torchvision builds them, without their heads."""

import torchvision
from torch import nn


def resnet_body(name: str) -> nn.Module:
    """Build a ResNet up to its global average pooling; gives (n, dim)."""
    module = torchvision.models.get_model(name, weights=None)
    module.fc = nn.Identity()
    return module

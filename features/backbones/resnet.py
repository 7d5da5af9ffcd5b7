"""ResNets, as torchvision builds them, without their heads."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def resnet_body(name: str) -> "nn.Module":
    """Build a ResNet up to its global average pooling, (n, 3, height, width) to (n, dim)."""
    import torchvision
    from torch import nn

    module = torchvision.models.get_model(name, weights=None)
    module.fc = nn.Identity()
    return module

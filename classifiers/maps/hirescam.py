"""HiResCAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifiers.maps.base import MapMethod

if TYPE_CHECKING:
    import torch


def hirescam(activations: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Multiply each value by its own gradient.

    References
    ----------
    Draelos and Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
    networks, 2020.
    """
    return (gradients * activations).sum(dim=1)


METHOD = MapMethod("hirescam", "HiResCAM", hirescam, "HiResCAM")

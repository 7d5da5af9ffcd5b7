"""LayerCAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifiers.maps.base import MapMethod

if TYPE_CHECKING:
    import torch


def layer_cam(activations: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Multiply each value by its own gradient where that is positive.

    References
    ----------
    Jiang et al., LayerCAM: exploring hierarchical class activation maps for localization, IEEE Transactions
    on Image Processing 30, 2021.
    """
    return (gradients.clamp_min(0) * activations).sum(dim=1)


METHOD = MapMethod("layer_cam", "LayerCAM", layer_cam, "LayerCAM")

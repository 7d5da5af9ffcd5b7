"""Grad-CAM++."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifiers.maps.base import MapMethod

if TYPE_CHECKING:
    import torch

_EPSILON = 1e-6


def grad_cam_plus_plus(activations: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Weight each channel by its positive gradients, each with a weight of its own.

    References
    ----------
    Chattopadhay et al., Grad-CAM++: generalized gradient-based visual explanations for deep convolutional
    networks, WACV 2018, equation 19.
    """
    squared = gradients**2
    total = activations.sum(dim=(2, 3), keepdim=True)
    share = squared / (2 * squared + total * squared * gradients + _EPSILON)
    weights = (gradients.clamp_min(0) * share).sum(dim=(2, 3), keepdim=True)
    return (weights * activations).sum(dim=1)


METHOD = MapMethod("grad_cam_plus_plus", "Grad-CAM++", grad_cam_plus_plus, "GradCAMPlusPlus")

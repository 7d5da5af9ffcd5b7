"""Grad-CAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifiers.maps.base import MapMethod

if TYPE_CHECKING:
    import torch


def grad_cam(activations: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Weight each channel by the mean of its gradient.

    References
    ----------
    Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based localization, ICCV
    2017.
    """
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return (weights * activations).sum(dim=1)


METHOD = MapMethod("grad_cam", "Grad-CAM", grad_cam, "GradCAM")

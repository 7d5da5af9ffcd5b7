"""EigenCAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifiers.maps.base import MapMethod

if TYPE_CHECKING:
    import torch


def eigen_cam(activations: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Project the channels of each position on their first principal component; it knows no class.

    The sign of a component is arbitrary: the one that correlates with the mean over the channels is taken,
    so that the map is high where the network is active.

    References
    ----------
    Muhammad and Yeasin, Eigen-CAM: class activation map using principal components, IJCNN 2020.
    """
    import torch

    n, channels, height, width = activations.shape
    positions = activations.reshape(n, channels, height * width).transpose(1, 2)
    positions = positions - positions.mean(dim=1, keepdim=True)
    _, _, components = torch.linalg.svd(positions, full_matrices=False)
    maps = (positions @ components[:, :1].transpose(1, 2))[..., 0]
    sign = (maps * positions.mean(dim=2)).sum(dim=1, keepdim=True).sign()
    return (maps * torch.where(sign == 0, 1.0, sign)).reshape(n, height, width)


METHOD = MapMethod("eigen_cam", "EigenCAM", eigen_cam, "EigenCAM")

"""What a heat map method is: a function of a feature map and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class MapMethod:
    """One entry of the registry.

    Parameters
    ----------
    name : str
        Name on the command line and in tables.
    title : str
        Name in figures.
    compute : callable
        Takes the feature map and the gradient of the class score with respect to it, both float32 tensors
        of shape (n, channels, height, width); returns maps, float32 of shape (n, height, width), higher
        where there is more evidence for the class. No ReLU is applied.
    package : str
        Name of the class in the package `grad-cam` that draws the same map.
    """

    name: str
    title: str
    compute: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    package: str

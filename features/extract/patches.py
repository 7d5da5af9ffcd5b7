"""Patch features: what the middle layers of a network say of each place of an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional

from features.backbones.registry import Backbone, check_patches, info


class PatchNetwork(nn.Module):
    """Normalised images to patch features.

    The maps of two layers, each averaged over 3 x 3 places, are brought to the size of the larger one and
    joined, so that a place has features of both layers and of its surroundings.

    Parameters
    ----------
    body : Module
        A network without its head.
    layers : tuple of str
        Names of submodules, the one with the largest map first.

    References
    ----------
    Roth et al., Towards total recall in industrial anomaly detection, CVPR 2022.
    """

    def __init__(self, body: nn.Module, layers: tuple[str, ...]):
        super().__init__()
        self.body, self.layers = body, layers

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return patch features, (n, 3, height, width) to (n, rows, columns, dim)."""
        found: dict[str, torch.Tensor] = {}

        def keep(name: str) -> Callable[..., None]:
            return lambda module, given, out: found.__setitem__(name, out)

        # Hooks, because torchvision's feature extractor cannot trace timm's networks.
        hooks = [self.body.get_submodule(name).register_forward_hook(keep(name)) for name in self.layers]
        try:
            self.body(images)
        finally:
            for hook in hooks:
                hook.remove()
        maps = [functional.avg_pool2d(found[name], 3, 1, 1) for name in self.layers]
        size = maps[0].shape[-2:]
        others = [functional.interpolate(each, size=size, mode="bilinear") for each in maps[1:]]
        return torch.cat([maps[0], *others], 1).permute(0, 2, 3, 1)


def patch_backbone(backbone: Backbone) -> Backbone:
    """Return a backbone that gives patch features in place of embeddings.

    Parameters
    ----------
    backbone : Backbone
        With the layers that its registry entry names.

    Returns
    -------
    Backbone
        Its module is a `PatchNetwork`.

    Raises
    ------
    NotRunnable
        For a backbone whose registry entry names no layers.
    """
    check_patches(backbone.name)
    return replace(backbone, module=PatchNetwork(backbone.module, info(backbone.name).patch_layers))

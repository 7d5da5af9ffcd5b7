"""Attention with the boxes: a penalty on the evidence for a defect that lies outside of its regions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional

from classifiers.cnn.modules import BodyAndHead
from classifiers.maps.feature_map import is_pooled, last_feature_map, prepared
from features.errors import InputError

#: Positive evidence counts as little where it is this small beside all evidence, or in units of the decision.
#: Without it a network learns to have none: what it has no evidence for cannot lie outside.
_RELATIVE, _ABSOLUTE = 0.05, 1e-3
#: Pixels of a region that an augmentation must leave in the image.
_LEAST_PIXELS = 0.5


def outside_energy(maps: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return the share of the positive evidence of each map that lies outside of the regions.

    Parameters
    ----------
    maps : float tensor, shape (n, map_height, map_width)
        Raw maps of the evidence for a defect; about the size of the decision.
    masks : float tensor, shape (n, 1, height, width)
        Share of each pixel of the image that lies in a region, 0 to 1; none of them all 0.

    Returns
    -------
    float tensor, shape (n,)
        0 to 1. A cell of the map counts as inside by the share of its area that lies in the regions, relative
        to the cell where that is largest: a region smaller than a cell can hold all of the evidence. A map
        with little positive evidence has a share near 1.

    Examples
    --------
    >>> maps = torch.tensor([[[10.0, 30.0]]])
    >>> masks = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
    >>> outside_energy(maps, masks).round(decimals=2)
    tensor([0.7600])
    """
    inside = functional.adaptive_avg_pool2d(masks, (maps.shape[1], maps.shape[2]))[:, 0]
    inside = inside / inside.amax(dim=(1, 2), keepdim=True).clamp_min(torch.finfo(inside.dtype).tiny)
    evidence = maps.clamp_min(0)
    least = _RELATIVE * maps.abs().sum(dim=(1, 2)) + _ABSOLUTE
    return 1 - (inside * evidence).sum(dim=(1, 2)) / (evidence.sum(dim=(1, 2)) + least)


class Attention(Callback):
    """Make the heat map of each defective image from the training pass, and penalise what lies outside.

    Where the head is linear in a pooled feature map the map is the exact class activation map, else Grad-CAM
    that is differentiated once more. Each epoch records `outside_energy`, the mean share.

    Parameters
    ----------
    module : BodyAndHead
        The network that is trained, on its device.
    X : uint8 array, shape (n, height, width) or (n, height, width, 3)
        Some training images, to find the last feature map with; the first two are used.

    Raises
    ------
    InputError
        When the network has no feature map, or one of a single cell.

    References
    ----------
    Zhou et al., Learning deep features for discriminative localization, CVPR 2016 (class activation maps).
    Selvaraju et al., Grad-CAM, ICCV 2017.
    Ross, Hughes and Doshi-Velez, Right for the right reasons: training differentiable models by constraining
    their explanations, IJCAI 2017.
    """

    def __init__(self, module: BodyAndHead, X: np.ndarray):
        device = next(module.parameters()).device
        images = prepared(module, X[:2], None, device)
        try:
            self.layer = last_feature_map(module.body, images)
        except InputError:
            raise InputError(
                f"attention_weight: no layer of {type(module.body).__name__} gives a feature map; set it to 0"
            ) from None
        training = module.training
        module.eval()
        try:
            pooled = is_pooled(module.body, self.layer, images)
            with self._kept(module) as found, torch.no_grad():
                module.body(images)
        finally:
            module.train(training)
        height, width = found[0].shape[2:]
        if height * width == 1:
            raise InputError(
                f"attention_weight: images of {X.shape[2]} x {X.shape[1]} pixels give a feature map of one "
                "cell, which has no inside and outside; set a larger size"
            )
        self.linear = _linear_layer(module.head) if pooled else None
        self.on_epoch_begin()

    def on_epoch_begin(self, net: Any = None, **kwargs: Any) -> None:
        """Start the mean of the epoch."""
        self._shares: list[torch.Tensor] = []
        self._found: list[torch.Tensor] = []

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record the mean share of the epoch, NaN where no image had a region."""
        shares = torch.cat(self._shares).cpu().numpy() if self._shares else np.array([])
        net.history.record("outside_energy", float(shares.mean()) if len(shares) else float("nan"))

    @contextmanager
    def watch(self, module: BodyAndHead) -> Iterator[None]:
        """Keep the feature map of the pass that is made inside of the `with` block."""
        with self._kept(module) as self._found:
            yield

    def penalty(
        self, decisions: torch.Tensor, codes: torch.Tensor, weights: torch.Tensor, masks: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean share of the evidence outside, over the images of a batch that have a region.

        Parameters
        ----------
        decisions : float tensor, shape (n, n_outputs)
            Of the pass that was watched.
        codes, weights : float tensor, shape (n,)
            Class codes and sample weights.
        masks : float tensor, shape (n, 1, height, width)
            Regions in the images of the pass, 0 to 1.

        Returns
        -------
        float tensor of one value
            0 where no image has a region.
        """
        # A batch has few defects; maps of the other images would cost as much.
        rows = torch.nonzero((masks.sum(dim=(1, 2, 3)) >= _LEAST_PIXELS) & (weights > 0))[:, 0]
        (feature_map,) = self._found
        self._found = []
        share = outside_energy(self._maps(feature_map, decisions, codes.long(), rows), masks[rows])
        self._shares.append(share.detach())
        return (share * weights[rows]).sum() / weights[rows].sum().clamp_min(1e-12)

    def _maps(
        self, feature_map: torch.Tensor, decisions: torch.Tensor, codes: torch.Tensor, rows: torch.Tensor
    ) -> torch.Tensor:
        """Return the map of the evidence for the own class of each image of `rows`."""
        column = torch.zeros_like(codes) if decisions.shape[1] == 1 else codes
        if self.linear is not None:
            area = feature_map.shape[2] * feature_map.shape[3]
            channels = self.linear.weight[column[rows]] / area
            return torch.einsum("nchw,nc->nhw", feature_map[rows].float(), channels)
        scores = decisions[rows].gather(1, column[rows, None])
        (gradient,) = torch.autograd.grad(scores.sum(), feature_map, create_graph=True)
        channels = gradient[rows].float().mean(dim=(2, 3))
        return torch.einsum("nchw,nc->nhw", feature_map[rows].float(), channels)

    @contextmanager
    def _kept(self, module: BodyAndHead) -> Iterator[list[torch.Tensor]]:
        """Append the output of the layer to a list, as a part of the graph."""
        found: list[torch.Tensor] = []

        def keep(layer: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
            if module.frozen or not output.requires_grad:
                # What follows the map needs a graph for its gradient: a frozen body passes without one, and
                # no parameter may come before the map. The context of the body restores the mode at its end.
                output = output.detach().requires_grad_()
                if module.frozen:
                    torch.set_grad_enabled(True)
            found[:] = [output]
            # A layer that works in place may follow.
            return output.clone()

        handle = module.body.get_submodule(self.layer).register_forward_hook(keep)
        try:
            yield found
        finally:
            handle.remove()


def _linear_layer(head: nn.Module) -> nn.Linear | None:
    """Return the dense layer of a head that has nothing else but dropout, None for another head."""
    layers = [
        layer for layer in head.modules() if not isinstance(layer, nn.Sequential | nn.Dropout | nn.Identity)
    ]
    return layers[0] if len(layers) == 1 and isinstance(layers[0], nn.Linear) else None

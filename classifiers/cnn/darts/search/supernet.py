"""The network in which all candidate operations of all edges take part, weighted."""

import torch
from torch import nn

from classifiers.cnn.darts.genotype import INPUTS, NODES
from classifiers.cnn.darts.network import make_stem, reductions
from classifiers.cnn.darts.operations import OPERATIONS, HalvedSkip, relu_conv_norm
from classifiers.cnn.darts.search.architecture import EDGES, KINDS, Architecture
from features.errors import InputError


class MixedEdge(nn.Module):
    """The weighted sum of the candidate operations on one edge.

    Parameters
    ----------
    channels : int
        Channels that enter and leave.
    stride : int
    share : int
        The operations see one channel in `share`; the others pass by (halved by max pooling at stride 2),
        and the channels are shuffled (partial channels).
    """

    def __init__(self, channels: int, stride: int, share: int = 1):
        super().__init__()
        self.share, self.seen, self.stride = share, channels // share, stride
        self.operations = nn.ModuleList()
        for name, make in OPERATIONS.items():
            operation = make(self.seen, stride, False)
            if "pool" in name:
                operation = nn.Sequential(operation, nn.BatchNorm2d(self.seen, affine=False))
            self.operations.append(operation)

    def forward(self, x: torch.Tensor, weights: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
        """Return the weighted sum; `weights` has shape (8,), `strength` weighs the channels passing by."""
        part = x[:, : self.seen]
        mixed = sum(weights[n] * operation(part) for n, operation in enumerate(self.operations))
        if self.share == 1:
            return mixed
        rest = x[:, self.seen :]
        if self.stride == 2:
            rest = nn.functional.max_pool2d(rest, 2, 2, ceil_mode=True)
        return nn.functional.channel_shuffle(torch.cat([mixed, strength * rest], dim=1), self.share)


class SearchCell(nn.Module):
    """A cell in which each node adds all earlier inputs and nodes by mixed edges."""

    def __init__(
        self, before_last: int, before: int, channels: int, *, reduction: bool, halve_first: bool, share: int
    ):
        super().__init__()
        first = HalvedSkip if halve_first else relu_conv_norm
        self.first = first(before_last, channels, affine=False)
        self.second = relu_conv_norm(before, channels, affine=False)
        self.edges = nn.ModuleList(
            MixedEdge(channels, 2 if reduction and source < INPUTS else 1, share) for source, _ in EDGES
        )

    def forward(
        self, before_last: torch.Tensor, before: torch.Tensor, weights: torch.Tensor, strengths: torch.Tensor
    ) -> torch.Tensor:
        """Return the nodes concatenated, (n, 4 x channels, height, width)."""
        states = [self.first(before_last), self.second(before)]
        for node in range(INPUTS, INPUTS + NODES):
            edges = [edge for edge, (_, target) in enumerate(EDGES) if target == node]
            states.append(
                sum(
                    self.edges[edge](states[EDGES[edge][0]], weights[edge], strengths[edge]) for edge in edges
                )
            )
        return torch.cat(states[INPUTS:], dim=1)


class Supernet(nn.Module):
    """Images to embeddings, by a stem and a stack of search cells.

    Parameters
    ----------
    channels, layers, stem, in_channels
        As in `DerivedNetwork`.
    partial_channels : int
        The operations see one channel in so many.

    Raises
    ------
    InputError
        When the channels cannot be divided so.
    """

    def __init__(
        self,
        *,
        channels: int,
        layers: int,
        stem: str = "imagenet",
        in_channels: int = 3,
        partial_channels: int = 1,
    ):
        super().__init__()
        self.places = reductions(layers)
        if partial_channels < 1 or channels % partial_channels or channels // partial_channels % 2:
            raise InputError(
                f"{channels} channels, partial_channels {partial_channels}: each part needs an even number "
                "of channels"
            )
        self.architecture = Architecture(partial_channels > 1)
        self.stem, again, before = make_stem(stem, in_channels, channels)
        self.stem_again = again or nn.Identity()
        before_last, halved = before, again is not None
        self.cells = nn.ModuleList()
        for number in range(layers):
            reduction = number in self.places
            channels *= 2 if reduction else 1
            cell = SearchCell(
                before_last, before, channels, reduction=reduction, halve_first=halved, share=partial_channels
            )
            self.cells.append(cell)
            before_last, before, halved = before, NODES * channels, reduction
        self.dim = before

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Embed images (n, in_channels, height, width) as (n, dim)."""
        weights = [self.architecture.weights(kind) for kind in KINDS]
        strengths = [self.architecture.edge_weights(kind) for kind in KINDS]
        before_last = self.stem(images)
        before = self.stem_again(before_last)
        for number, cell in enumerate(self.cells):
            kind = int(number in self.places)
            before_last, before = before, cell(before_last, before, weights[kind], strengths[kind])
        return before.mean(dim=(2, 3))

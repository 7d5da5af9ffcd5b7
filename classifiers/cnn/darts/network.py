"""Networks that stack the cells of a genotype."""

import torch
from torch import nn

from classifiers.cnn.darts.genotype import NODES, Cell, Genotype
from classifiers.cnn.darts.operations import OPERATIONS, HalvedSkip, relu_conv_norm
from features.errors import InputError


class DerivedCell(nn.Module):
    """A cell of chosen operations.

    Parameters
    ----------
    cell : tuple of nodes
        As in `Genotype`.
    before_last, before : int
        Channels of the two inputs.
    channels : int
        Channels of each node.
    reduction : bool
        Whether the cell halves the image.
    halve_first : bool
        Whether the first input is twice as large as the second, because the cell before halved it.
    drop_path : float
        Probability that an edge is dropped for an image during training; skip connections stay.
    """

    def __init__(
        self,
        cell: Cell,
        before_last: int,
        before: int,
        channels: int,
        *,
        reduction: bool,
        halve_first: bool,
        drop_path: float = 0.0,
    ):
        super().__init__()
        first = HalvedSkip if halve_first else relu_conv_norm
        self.first = first(before_last, channels)
        self.second = relu_conv_norm(before, channels)
        self.sources = [source for node in cell for _, source in node]
        self.edges = nn.ModuleList(
            OPERATIONS[name](channels, 2 if reduction and source < 2 else 1, True)
            for node in cell
            for name, source in node
        )
        self.drop_path = drop_path

    def forward(self, before_last: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """Return the nodes concatenated, (n, 4 x channels, height, width)."""
        states = [self.first(before_last), self.second(before)]
        for node in range(NODES):
            edges = range(2 * node, 2 * node + 2)
            states.append(sum(self._edge(edge, states[self.sources[edge]]) for edge in edges))
        return torch.cat(states[2:], dim=1)

    def _edge(self, edge: int, x: torch.Tensor) -> torch.Tensor:
        operation = self.edges[edge]
        out = operation(x)
        if not self.training or self.drop_path == 0 or isinstance(operation, nn.Identity):
            return out
        kept = torch.empty(len(out), 1, 1, 1, device=out.device, dtype=out.dtype)
        return out * kept.bernoulli_(1 - self.drop_path) / (1 - self.drop_path)


class DerivedNetwork(nn.Module):
    """Images to embeddings, by a stem and a stack of cells.

    Parameters
    ----------
    genotype : Genotype
    channels : int
        Channels of each node of the first cells; doubled by every reduction.
    layers : int
        Cells; those at one and at two thirds of the depth are reduction cells.
    stem : {"imagenet", "cifar"}
        `imagenet` reduces the image to an eighth of its side before the first cell; `cifar` keeps it.
    in_channels : int
        1 or 3.
    drop_path : float
        At the last cell; it rises linearly with the depth.
    auxiliary : int
        Outputs of an auxiliary head after the second reduction cell; 0 makes none. In training mode it
        leaves its decisions in `halfway`.

    Raises
    ------
    InputError
        When there are fewer cells than reductions, or no channels.

    References
    ----------
    Liu, Simonyan and Yang, DARTS: differentiable architecture search, ICLR 2019.
    """

    def __init__(
        self,
        genotype: Genotype,
        *,
        channels: int,
        layers: int,
        stem: str = "imagenet",
        in_channels: int = 3,
        drop_path: float = 0.0,
        auxiliary: int = 0,
    ):
        super().__init__()
        places = reductions(layers)
        if channels < 2 or channels % 2:
            raise InputError(f"{channels} channels: give an even number of at least 2")
        self.stem, again, before = make_stem(stem, in_channels, channels)
        self.halves = again is not None
        if again is not None:
            self.stem_again = again
        before_last = before
        self.cells = nn.ModuleList()
        halved, reduced = self.halves, before
        for number in range(layers):
            reduction = number in places
            channels *= 2 if reduction else 1
            cell = DerivedCell(
                genotype.reduction if reduction else genotype.normal,
                before_last,
                before,
                channels,
                reduction=reduction,
                halve_first=halved,
                drop_path=drop_path * (number + 1) / layers,
            )
            self.cells.append(cell)
            before_last, before, halved = before, NODES * channels, reduction
            reduced = before if reduction else reduced
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dim = before
        self.last_reduction = places[1]
        self.halfway: torch.Tensor | None = None
        if auxiliary:
            self.auxiliary = auxiliary_head(reduced, auxiliary)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Embed images (n, in_channels, height, width) as (n, dim)."""
        before_last = self.stem(images)
        before = self.stem_again(before_last) if self.halves else before_last
        for number, cell in enumerate(self.cells):
            before_last, before = before, cell(before_last, before)
            if number == self.last_reduction and self.training and hasattr(self, "auxiliary"):
                self.halfway = self.auxiliary(before).float()
        return self.pool(before)


def auxiliary_head(channels: int, n_outputs: int) -> nn.Sequential:
    """Return the classifier of maps (n, channels, height, width) that supports the training of early cells.

    As published, but pooled to 2x2 pixels whatever the size of the maps.
    """
    return nn.Sequential(
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Conv2d(channels, 128, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.Conv2d(128, 768, 2, bias=False),
        nn.BatchNorm2d(768),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(768, n_outputs),
    )


def make_stem(stem: str, in_channels: int, channels: int) -> tuple[nn.Module, nn.Module | None, int]:
    """Return the layers before the first cell.

    Parameters
    ----------
    stem : {"imagenet", "cifar"}
    in_channels, channels : int
        As in `DerivedNetwork`.

    Returns
    -------
    first : Module
        Images to the first input of the first cell.
    second : Module or None
        First to second input, half as large; None where both are the same.
    width : int
        Channels of both inputs.

    Raises
    ------
    InputError
        For another stem.
    """
    if stem == "imagenet":
        first = nn.Sequential(
            *_conv_norm(in_channels, channels // 2), nn.ReLU(), *_conv_norm(channels // 2, channels)
        )
        return first, nn.Sequential(nn.ReLU(), *_conv_norm(channels, channels)), channels
    if stem == "cifar":
        return nn.Sequential(*_conv_norm(in_channels, 3 * channels, stride=1)), None, 3 * channels
    raise InputError(f"stem {stem!r}: choose imagenet or cifar")


def reductions(layers: int) -> tuple[int, int]:
    """Return the positions of the reduction cells: one and two thirds of the depth.

    Raises
    ------
    InputError
        When the network has too few cells for two reductions.
    """
    places = (layers // 3, 2 * layers // 3)
    if layers < 2 or places[0] == places[1]:
        raise InputError(f"{layers} layers: two reduction cells need at least two")
    return places


def _conv_norm(before: int, after: int, stride: int = 2) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)

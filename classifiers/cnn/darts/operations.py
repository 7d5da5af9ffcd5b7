"""The candidate operations of a cell."""

from collections.abc import Callable

import torch
from torch import nn

from classifiers.cnn.darts.depthwise import DepthwiseConv
from classifiers.cnn.darts.names import NONE, SKIP


class Zero(nn.Module):
    """Returns zeros: no connection."""

    def __init__(self, stride: int):
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return zeros of the strided size."""
        return x[:, :, :: self.stride, :: self.stride].mul(0.0)


class HalvedSkip(nn.Module):
    """Halves the image by two 1x1 convolutions, one on even and one on odd pixels.

    Parameters
    ----------
    before, after : int
        Channels; `after` is even.
    affine : bool
        Whether the batch norm has a scale and a shift.
    """

    def __init__(self, before: int, after: int, affine: bool = True):
        super().__init__()
        self.even = _EverySecond(before, after // 2)
        self.odd = _EverySecond(before, after - after // 2)
        self.norm = nn.BatchNorm2d(after, affine=affine)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n, after, ceil(height / 2), ceil(width / 2))."""
        x = x.relu()
        # One row and column of zeros, so that odd sides give both halves the same size.
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))


class _EverySecond(nn.Conv2d):
    """A 1x1 convolution of stride 2 without bias.

    It takes every second pixel first. With a stride, oneDNN's float32 gradient of the weights in
    channels_last writes outside its memory where there are fewer than 8 output channels, and the process may
    abort.
    """

    def __init__(self, before: int, after: int):
        super().__init__(before, after, 1, stride=2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n, after, ceil(height / 2), ceil(width / 2))."""
        return nn.functional.conv2d(x[:, :, ::2, ::2], self.weight)


def relu_conv_norm(before: int, after: int, affine: bool = True) -> nn.Sequential:
    """Return ReLU, 1x1 convolution, batch norm."""
    convolution = nn.Conv2d(before, after, 1, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(after, affine=affine))


def _separable(channels: int, kernel: int, stride: int, dilation: int, affine: bool) -> list[nn.Module]:
    return [
        nn.ReLU(),
        DepthwiseConv(channels, kernel, stride, dilation),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=affine),
    ]


def _separable_twice(kernel: int) -> Callable[[int, int, bool], nn.Module]:
    return lambda channels, stride, affine: nn.Sequential(
        *_separable(channels, kernel, stride, 1, affine), *_separable(channels, kernel, 1, 1, affine)
    )


def _dilated(kernel: int) -> Callable[[int, int, bool], nn.Module]:
    return lambda channels, stride, affine: nn.Sequential(*_separable(channels, kernel, stride, 2, affine))


def _skip(channels: int, stride: int, affine: bool) -> nn.Module:
    return nn.Identity() if stride == 1 else HalvedSkip(channels, channels, affine)


#: Name to a function of (channels, stride, affine batch norm); in the order of `names.OPERATIONS`.
OPERATIONS: dict[str, Callable[[int, int, bool], nn.Module]] = {
    NONE: lambda channels, stride, affine: Zero(stride),
    "max_pool_3x3": lambda channels, stride, affine: nn.MaxPool2d(3, stride, 1),
    "avg_pool_3x3": lambda channels, stride, affine: nn.AvgPool2d(3, stride, 1, count_include_pad=False),
    SKIP: _skip,
    "sep_conv_3x3": _separable_twice(3),
    "sep_conv_5x5": _separable_twice(5),
    "dil_conv_3x3": _dilated(3),
    "dil_conv_5x5": _dilated(5),
}

"""Depthwise convolution that is fast on the small maps of late cells, on a CPU."""

from functools import lru_cache
from typing import Any

import torch
from torch import nn

#: Largest map, in pixels, on which the convolution is one product of matrices.
LARGEST = 64


class DepthwiseConv(nn.Conv2d):
    """A depthwise convolution without bias; parameters and result are those of `Conv2d`.

    On a CPU, oneDNN has no fast gradient of the weights of a depthwise convolution that is dilated, computes
    in bfloat16 or is larger than its map: it takes up to twenty times as long as the forward pass. On maps of
    up to 8x8 pixels, training therefore multiplies each channel by the matrix of its convolution.

    Parameters
    ----------
    channels, kernel, stride, dilation : int
        The padding keeps the size at stride 1.
    """

    def __init__(self, channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        padding = dilation * (kernel - 1) // 2
        super().__init__(
            channels, channels, kernel, stride, padding, dilation=dilation, groups=channels, bias=False
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the convolution of (n, channels, height, width)."""
        height, width = x.shape[2:]
        if not (self.training and x.device.type == "cpu" and height * width <= LARGEST):
            return super().forward(x)
        taps = _taps(self.kernel_size[0], self.stride[0], self.dilation[0], height, width)
        matrices = (self.weight.flatten(1) @ taps.flatten(1)).unflatten(1, taps.shape[1:])
        out = _Product.apply(x.permute(1, 0, 2, 3).flatten(2), matrices.to(x.dtype))
        size = -(-height // self.stride[0]), -(-width // self.stride[0])
        # Pixels before channels: the pointwise convolution that follows takes it without a copy.
        return out.permute(1, 2, 0).contiguous().unflatten(1, size).permute(0, 3, 1, 2)


class _Product(torch.autograd.Function):
    """Batched product of matrices on contiguous copies, which MKL needs, in both directions."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x, matrices)
        return torch.bmm(x, matrices)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        x, matrices = ctx.saved_tensors
        grad = grad.contiguous()
        by_x, by_matrices = ctx.needs_input_grad
        return (
            torch.bmm(grad, matrices.mT) if by_x else None,
            torch.bmm(x.mT, grad) if by_matrices else None,
        )


@lru_cache(maxsize=64)
def _taps(kernel: int, stride: int, dilation: int, height: int, width: int) -> torch.Tensor:
    """Return (kernel², pixels in, pixels out): 1 where a tap leads from the one pixel to the other."""
    rows, columns = (_taps_along(kernel, stride, dilation, side) for side in (height, width))
    taps = torch.einsum("kio,ljp->klijop", rows, columns)
    return taps.reshape(kernel * kernel, height * width, -1)


def _taps_along(kernel: int, stride: int, dilation: int, side: int) -> torch.Tensor:
    taps = torch.zeros(kernel, side, -(-side // stride))
    for tap in range(kernel):
        for out in range(taps.shape[2]):
            source = out * stride + (tap - kernel // 2) * dilation
            if 0 <= source < side:
                taps[tap, source, out] = 1
    return taps

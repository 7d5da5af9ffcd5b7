"""Gradients of convolutions that are right and fast in bfloat16 on a CPU."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

#: Side of the kernels whose weight gradient oneDNN computes fast.
_BLOCK = 3
_convolution_backward = torch.ops.aten.convolution_backward


class CpuConvolution(TorchFunctionMode):
    """Context in which convolutions in bfloat16 on a CPU have gradients that are right and fast.

    Two kinds of convolutions get other gradients than torch's; results differ by rounding. All others are
    left to torch.

    *Dilated ones, and those of maps that are one pixel high or wide.* oneDNN's gradient of their weights
    reads memory that nothing was written to (torch 2.14, several threads). Where that memory happens to hold
    NaN, so does the gradient. Here that gradient is computed in float32.

    *Depthwise ones.* oneDNN computes two gradients by its slow reference code: that of the input for a
    stride above 1, and that of the weights for kernels larger than 3x3. They take up to two hundred times as
    long as the forward pass. Here the first is a convolution of the gradient, spread out by the stride,
    with the turned kernel; the second is put together from blocks of 3x3.

    Examples
    --------
    >>> conv = torch.nn.Conv2d(8, 8, 5, stride=2, padding=2, groups=8)
    >>> with CpuConvolution(), torch.autocast("cpu", dtype=torch.bfloat16):
    ...     conv(torch.rand(2, 8, 12, 12)).sum().backward()
    >>> conv.weight.grad.shape
    torch.Size([8, 1, 5, 5])
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, a convolution of the two kinds by the other way."""
        kwargs = kwargs or {}
        wanted = func is functional.conv2d and torch.is_grad_enabled()
        found = _convolution(*args, **kwargs) if wanted else None
        return func(*args, **kwargs) if found is None else found


def _convolution(
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> torch.Tensor | None:
    """Return a convolution with other gradients, or None where torch's own are right and fast."""
    if input.device.type != "cpu" or input.ndim != 4 or _dtype(input) != torch.bfloat16:
        return None
    if isinstance(padding, str):
        return None
    kernel = tuple(weight.shape[2:])
    steps, edges, gaps = _pair(stride), _pair(padding), _pair(dilation)
    images = input.to(torch.bfloat16)
    out: torch.Tensor
    if max(kernel) > 1 and (max(gaps) > 1 or min(input.shape[2:]) == 1):
        out = _FloatWeights.apply(images, weight, steps, edges, gaps, groups)
    elif (
        (max(steps) > 1 or max(kernel) > _BLOCK)
        and 1 < groups == input.shape[1] == weight.shape[0]
        and min(kernel) >= _BLOCK
        and all(edge < side for edge, side in zip(edges, kernel, strict=True))
    ):
        out = _Depthwise.apply(images, weight, steps, edges)
    else:
        return None
    return out if bias is None else out + bias.to(out.dtype)[:, None, None]


def _pair(value: Any) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _dtype(input: torch.Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else input.dtype


class _FloatWeights(torch.autograd.Function):
    """A convolution of bfloat16 images whose weights have a gradient that is computed in float32."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        stride: tuple[int, int],
        padding: tuple[int, int],
        dilation: tuple[int, int],
        groups: int,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.how = (stride, padding, dilation, False, (0, 0), groups)
        return torch.ops.aten.convolution(x, weight.to(x.dtype), None, *ctx.how)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            call = (grad.to(x.dtype), x, weight.to(x.dtype), None, *ctx.how, [True, False, False])
            grad_x = _convolution_backward(*call)[0]
        if ctx.needs_input_grad[1]:
            call = (grad.float(), x.float(), weight.float(), None, *ctx.how, [False, True, False])
            grad_weight = _convolution_backward(*call)[1].to(weight.dtype)
        return grad_x, grad_weight, None, None, None, None


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution of bfloat16 images."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: tuple[int, int], padding: tuple[int, int]
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return _convolve(x, weight.to(x.dtype), stride, padding)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        by_x, by_weight = ctx.needs_input_grad[:2]
        kernel, (rows, columns) = weight.shape[2:], ctx.stride
        grad = grad.to(x.dtype)
        grad_x = grad_weight = None
        if by_x:
            sides = (x.shape[2 + i] + 2 * ctx.padding[i] - kernel[i] + 1 for i in range(2))
            spread = torch.empty((*grad.shape[:2], *sides), dtype=x.dtype, memory_format=_layout(x)).zero_()
            spread[:, :, ::rows, ::columns] = grad
            turned = weight.to(x.dtype).flip(2, 3)
            edges = (kernel[0] - 1 - ctx.padding[0], kernel[1] - 1 - ctx.padding[1])
            grad_x = _convolve(spread, turned, (1, 1), edges)
        if by_weight:
            grad_weight = _weight_gradient(grad, x, weight, ctx.stride, ctx.padding).to(weight.dtype)
        return grad_x, grad_weight, None, None


def _convolve(
    x: torch.Tensor, weight: torch.Tensor, stride: tuple[int, int], padding: tuple[int, int]
) -> torch.Tensor:
    return torch.ops.aten.convolution(x, weight, None, stride, padding, (1, 1), False, (0, 0), len(weight))


def _weight_gradient(
    grad: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> torch.Tensor:
    """Return the gradient of the weights, block by block, float32 (channels, 1, *kernel)."""
    if tuple(weight.shape[2:]) == (_BLOCK, _BLOCK):
        return _of_block(grad, x, weight, stride, padding)
    padded = functional.pad(x, (padding[1], padding[1], padding[0], padding[0])) if any(padding) else x
    sides = [(grad.shape[2 + i] - 1) * stride[i] + _BLOCK for i in range(2)]
    block = weight[:, :, :_BLOCK, :_BLOCK]
    found = torch.empty_like(weight, dtype=torch.float32)
    for top in _starts(weight.shape[2]):
        for left in _starts(weight.shape[3]):
            part = padded[:, :, top : top + sides[0], left : left + sides[1]]
            part = part.contiguous(memory_format=_layout(x))
            place = (slice(None), slice(None), slice(top, top + _BLOCK), slice(left, left + _BLOCK))
            found[place] = _of_block(grad, part, block, stride, (0, 0))
    return found


def _of_block(
    grad: torch.Tensor,
    x: torch.Tensor,
    block: torch.Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> torch.Tensor:
    """Return the gradient of a kernel of 3x3, which oneDNN computes fast."""
    own = block.to(x.dtype).contiguous()
    call = (grad, x, own, None, stride, padding, (1, 1), False, (0, 0), len(own), [False, True, False])
    return _convolution_backward(*call)[1]


def _starts(kernel: int) -> list[int]:
    """Return where blocks start that cover a side of a kernel; the last two may overlap."""
    return sorted({min(start, kernel - _BLOCK) for start in range(0, kernel, _BLOCK)})


def _layout(x: torch.Tensor) -> torch.memory_format:
    """Return how the pixels of a tensor lie in memory."""
    last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format

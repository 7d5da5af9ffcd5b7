import pytest
import torch
from torch import nn
from torch.nn import functional

from classifiers.cnn.training.convolution import CpuConvolution


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("size", [(12, 12), (9, 14), (5, 5)])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(3, 2, 1), (3, 2, 0), (5, 1, 2), (5, 2, 2), (5, 2, 0), (4, 2, 1), ((3, 5), (2, 1), (1, 2)), (7, 3, 3)],
)
def test_gradients_are_those_of_torch_in_float32(layout, size, kernel, stride, padding):
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 6, kernel, stride, padding, groups=6).bfloat16().float()
    if any(side < wide for side, wide in zip(size, conv.kernel_size, strict=True)):
        size = (8, 8)
    x = torch.randn(3, 6, *size).bfloat16().float().contiguous(memory_format=layout).requires_grad_()
    expected = conv(x)
    grad = torch.randn_like(expected).bfloat16().float()
    wanted = torch.autograd.grad(expected, [x, *conv.parameters()], grad)
    with CpuConvolution(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = conv(x)
        got = torch.autograd.grad(found, [x, *conv.parameters()], grad.to(found.dtype))
    assert found.dtype == torch.bfloat16
    assert type(found.grad_fn).__name__ == "AddBackward0"
    for ours, theirs in zip((found, *got), (expected, *wanted), strict=True):
        error = (ours.float() - theirs).norm() / theirs.norm()
        assert error < 0.01


@pytest.mark.parametrize(
    ("channels", "groups", "kernel", "stride", "dilation", "dtype"),
    [
        (6, 6, 3, 1, 1, torch.bfloat16),
        (6, 6, 3, 2, 2, torch.bfloat16),
        (6, 3, 3, 2, 1, torch.bfloat16),
        (6, 1, 3, 2, 1, torch.bfloat16),
        (6, 6, 3, 2, 1, torch.float32),
        (6, 6, 1, 2, 1, torch.bfloat16),
    ],
)
def test_other_convolutions_are_left_to_torch(channels, groups, kernel, stride, dilation, dtype):
    x = torch.randn(2, channels, 9, 9, dtype=dtype)
    weight = torch.randn(channels, channels // groups, kernel, kernel, dtype=dtype, requires_grad=True)
    with CpuConvolution():
        found = functional.conv2d(x, weight, stride=stride, dilation=dilation, groups=groups)
    assert type(found.grad_fn).__name__ == "ConvolutionBackward0"


def test_padding_by_name_is_left_to_torch():
    conv = nn.Conv2d(4, 4, 5, padding="same", groups=4).bfloat16()
    x = torch.randn(2, 4, 9, 9, dtype=torch.bfloat16)
    with CpuConvolution():
        found = conv(x)
    assert type(found.grad_fn).__name__ == "ConvolutionBackward0"

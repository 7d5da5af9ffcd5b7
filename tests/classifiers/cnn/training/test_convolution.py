import os
import subprocess
import sys

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
    ("size", "groups", "kernel", "stride", "dilation"),
    [
        ((33, 32), 8, 3, 1, 2),
        ((33, 32), 8, 5, 1, 2),
        ((17, 16), 8, 5, 2, 2),
        ((17, 16), 1, 3, 1, 2),
        ((1, 1), 1, 3, 2, 1),
        ((1, 1), 8, 3, 2, 1),
        ((1, 1), 4, 5, 1, 1),
        ((1, 7), 1, 3, 2, 1),
    ],
)
def test_dilated_kernels_and_maps_of_one_pixel_have_weight_gradients_in_float32(
    size, groups, kernel, stride, dilation
):
    torch.manual_seed(0)
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(8, 8, kernel, stride, padding, dilation, groups).bfloat16().float()
    x = torch.randn(4, 8, *size).bfloat16().float().contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    expected = conv(x)
    grad = torch.randn_like(expected).bfloat16().float()
    wanted = torch.autograd.grad(expected, [x, *conv.parameters()], grad)
    with CpuConvolution(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = conv(x)
        got = torch.autograd.grad(found, [x, *conv.parameters()], grad.to(found.dtype))
    for ours, theirs in zip((found, *got), (expected, *wanted), strict=True):
        assert (ours.float() - theirs).norm() <= 0.01 * theirs.norm()


POISONED = """
import torch
from classifiers.cnn.training.convolution import CpuConvolution
torch.set_num_threads(2)
def poison():
    for power in range(5, 21):
        made = [torch.full((1 << power,), float("nan")) for _ in range(4)]
        del made
for size, groups, kernel, stride, dilation in (
    (32, 8, 3, 1, 2), (64, 8, 5, 1, 2), (32, 8, 5, 2, 1), (1, 1, 3, 2, 1), (1, 4, 7, 2, 1), (2, 1, 3, 2, 1)
):
    conv = torch.nn.Conv2d(8, 8, kernel, stride, dilation * (kernel // 2), dilation, groups, bias=False)
    x = torch.randn(8, 8, size, size).contiguous(memory_format=torch.channels_last).requires_grad_()
    for _ in range(5):
        with CpuConvolution(), torch.autocast("cpu", dtype=torch.bfloat16):
            poison()
            out = conv(x)
        poison()
        out.float().sum().backward()
        assert x.grad.isfinite().all() and conv.weight.grad.isfinite().all(), (size, groups, kernel)
print("finite")
"""


def test_no_gradient_reads_memory_that_nothing_was_written_to():
    # Without these settings of glibc, freed memory goes back to the system and comes back as zeros.
    reuse = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}
    command = [sys.executable, "-c", POISONED]
    done = subprocess.run(command, env={**os.environ, **reuse}, capture_output=True, text=True, check=False)
    assert done.stdout == "finite\n", done.stderr[-500:]


@pytest.mark.parametrize(
    ("channels", "groups", "kernel", "stride", "dilation", "dtype"),
    [
        (6, 6, 3, 1, 1, torch.bfloat16),
        (6, 6, 3, 2, 2, torch.float32),
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

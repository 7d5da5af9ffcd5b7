import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from classifiers.cnn.darts.genotype import DARTS_V2
from classifiers.cnn.darts.network import DerivedNetwork
from classifiers.cnn.darts.operations import HalvedSkip
from classifiers.cnn.darts.search.supernet import Supernet


class Strides(TorchDispatchMode):
    """Record kernel size and stride of every convolution."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.convolution.default:
            self.seen.add((tuple(args[1].shape[2:]), tuple(args[3])))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
@pytest.mark.parametrize(
    "make",
    [
        lambda stem: Supernet(channels=8, layers=3, stem=stem, in_channels=1, partial_channels=4),
        lambda stem: DerivedNetwork(DARTS_V2, channels=2, layers=3, stem=stem, in_channels=1),
    ],
    ids=["search", "derived"],
)
def test_no_1x1_convolution_has_a_stride(make, stem):
    # The backward pass of oneDNN in channels_last would write outside its memory.
    with Strides() as strides:
        make(stem)(torch.rand(2, 1, 32, 32))
    assert ((1, 1), (1, 1)) in strides.seen
    assert not [stride for kernel, stride in strides.seen if kernel == (1, 1) and stride != (1, 1)]


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (1, 2)])
def test_a_halved_skip_equals_strided_convolutions(size):
    torch.manual_seed(0)
    skip = HalvedSkip(3, 4)
    x = torch.randn(2, 3, *size, requires_grad=True)
    shifted = nn.functional.pad(x.relu(), (0, 1, 0, 1))[:, :, 1:, 1:]
    parts = [nn.Conv2d.forward(skip.even, x.relu()), nn.Conv2d.forward(skip.odd, shifted)]
    expected = skip.norm(torch.cat(parts, dim=1))
    torch.testing.assert_close(skip(x), expected)
    inputs, grown = [x, skip.even.weight, skip.odd.weight], torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(skip(x), inputs, grown), torch.autograd.grad(expected, inputs, grown)
    )

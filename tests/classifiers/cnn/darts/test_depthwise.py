import pytest
import torch
from torch import nn

from classifiers.cnn.darts.depthwise import DepthwiseConv


@pytest.mark.parametrize("size", [(8, 8), (5, 3), (1, 1), (9, 9)])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(3, 1, 1), (5, 2, 1), (3, 2, 2), (5, 1, 2)])
def test_it_equals_the_convolution_of_torch(size, kernel, stride, dilation):
    torch.manual_seed(0)
    ours = DepthwiseConv(4, kernel, stride, dilation)
    x = torch.randn(3, 4, *size, requires_grad=True)
    theirs = nn.Conv2d.forward(ours, x)
    grown = torch.randn_like(theirs)
    inputs = [x, ours.weight]
    torch.testing.assert_close(ours(x), theirs)
    torch.testing.assert_close(
        torch.autograd.grad(ours(x), inputs, grown), torch.autograd.grad(theirs, inputs, grown)
    )

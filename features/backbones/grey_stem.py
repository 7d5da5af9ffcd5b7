"""The first convolution of a network, folded for grey images."""

import copy

import torch
from torch import nn


class GreyStem(nn.Module):
    """The first convolution of a three-channel network, computed on one grey channel.

    A grey photograph fills the three channels with the same picture, each normalised in its own way,
    so the three input filters fold into one, plus what the normalisation's shifts add; near the
    border, where padding is zero and not shifted, that addition differs from the inside. Equal to the
    three-channel convolution up to rounding.

    Parameters
    ----------
    conv : Conv2d
        Three input channels, zero padding.
    mean, std : tuple of three floats
        The network's normalisation.
    """

    shift_filter: torch.Tensor
    bias: torch.Tensor

    def __init__(self, conv: nn.Conv2d, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        if not can_fold(conv) or conv.in_channels != len(mean):
            raise ValueError("only a plain convolution with zero padding folds")
        weight = conv.weight.detach()
        # On the device of the weights: a network trained on a GPU arrives here with its weights on it.
        scale = torch.tensor(std, device=weight.device, dtype=weight.dtype).reciprocal()
        shift = -torch.tensor(mean, device=weight.device, dtype=weight.dtype) * scale
        self.conv = copy.deepcopy(conv)
        self.conv.in_channels, self.conv.bias = 1, None
        self.conv.weight = nn.Parameter(torch.einsum("oihw,i->ohw", weight, scale).unsqueeze(1))
        self.register_buffer("shift_filter", torch.einsum("oihw,i->ohw", weight, shift).unsqueeze(1))
        bias = weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias.detach()
        self.register_buffer("bias", bias.clone())
        self._addition: dict[tuple[object, ...], torch.Tensor] = {}

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Convolve grey images of 0 to 1, shape (n, 1, height, width)."""
        out = self.conv(grey)
        return out + self._addition_for(grey.shape[-2:], out)

    def _addition_for(self, size: torch.Size, like: torch.Tensor) -> torch.Tensor:
        key = (tuple(size), like.dtype, like.device)
        if key not in self._addition:
            ones = torch.ones(1, 1, *size, device=like.device)
            with torch.autocast(like.device.type, enabled=False):
                addition = self.conv._conv_forward(ones, self.shift_filter.float(), self.bias.float())
            self._addition[key] = addition.to(like.dtype).contiguous(memory_format=torch.channels_last)
        return self._addition[key]


def can_fold(conv: nn.Conv2d) -> bool:
    """Return whether `GreyStem` takes this convolution; a subclass may pad in a way of its own."""
    plain = type(conv) is nn.Conv2d and conv.padding_mode == "zeros" and conv.groups == 1
    return plain and conv.in_channels == 3

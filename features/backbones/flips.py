"""An embedding that is the mean over mirrored views of an image."""

from __future__ import annotations

import torch
from torch import nn


class FlipsNetwork(nn.Module):
    """The mean of a network's embeddings of an image and its three mirror images.

    The views go through the network as one batch, so that the memory is that of four images.

    Parameters
    ----------
    body : Module
        Takes normalised images (n, 3, height, width), gives (n, dim).

    Examples
    --------
    >>> network = FlipsNetwork(nn.Flatten())
    >>> network(torch.tensor([[[[0.0, 4.0]]]]))
    tensor([[2., 2.]])
    """

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the mean embeddings, (n, 3, height, width) to (n, dim)."""
        views = torch.cat([images, images.flip(3), images.flip(2), images.flip(2, 3)])
        return self.body(views).unflatten(0, (4, -1)).mean(0)

"""Stratified convolution: each part of the image plane has its own filters before a shared trunk."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from classifiers.cnn.networks.designed import WIDTH, body_and_head, start_residuals_at_zero, trunk

#: Margin of each stratum in pixels; an output of its own layers depends on 13 pixels to each side.
HALO = 16
_STRIDE = 4


@dataclass(repr=False, eq=False, kw_only=True)
class StratifiedResNet(ImageClassifier):
    """The designed ResNet with a stem for each stratum of the image plane; 3,100,353 parameters.

    A reading: the report's slide gives the name and the size (3,118,497) and nothing else. A part
    always lies in the same place, so the image plane is cut into 4 rows of 3 strata, each with its own
    first convolution and first block; from the second block on the network is the designed ResNet's.

    Parameters
    ----------
    strata : (int, int)
        Rows and columns of the cut.

    Notes
    -----
    The other parameters are those of `ImageClassifier`. Augmentations that turn or mirror the image
    mix the strata and should not be used.
    """

    size: int | tuple[int, int] | None = (267, 275)
    strata: tuple[int, int] = (4, 3)

    def build(self, n_outputs: int, channels: int) -> BodyAndHead:
        """Make the network for images of any size."""
        body = nn.Sequential(StratifiedStem(channels, *self.strata), *trunk())
        start_residuals_at_zero(body)
        return body_and_head(body, n_outputs, channels, self.dropout)


class StratifiedStem(nn.Module):
    """Images to 32 feature maps of a quarter of the side, each stratum by its own filters.

    The strata lie side by side as groups of channels, so one grouped convolution computes them all.
    Each is cut out with a margin of its neighbours' pixels, so that no seam shows between them.

    Parameters
    ----------
    channels : int
        Of the images.
    rows, columns : int
        Strata.
    """

    def __init__(self, channels: int, rows: int, columns: int):
        super().__init__()
        self.rows, self.columns = rows, columns
        groups = rows * columns
        wide = groups * WIDTH
        self.first = nn.Sequential(
            nn.Conv2d(groups * channels, wide, 7, stride=2, padding=3, bias=False, groups=groups),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        last = nn.BatchNorm2d(wide)
        nn.init.zeros_(last.weight)
        self.block = nn.Sequential(
            nn.Conv2d(wide, wide, 3, padding=1, bias=False, groups=groups),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
            nn.Conv2d(wide, wide, 3, padding=1, bias=False, groups=groups),
            last,
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return maps (n, 32, ceil(height / 4), ceil(width / 4)) of images (n, channels, height, width)."""
        n, channels, height, width = images.shape
        tall, wide = (
            _STRIDE * -(-side // (_STRIDE * parts))
            for side, parts in ((height, self.rows), (width, self.columns))
        )
        below, right = tall * self.rows - height, wide * self.columns - width
        padded = functional.pad(images, (HALO, HALO + right, HALO, HALO + below))
        tiles = padded.unfold(2, tall + 2 * HALO, tall).unfold(3, wide + 2 * HALO, wide)
        tiles = tiles.permute(0, 2, 3, 1, 4, 5).reshape(n, -1, tall + 2 * HALO, wide + 2 * HALO)
        first = self.first(tiles.contiguous(memory_format=torch.channels_last))
        maps = functional.relu(first + self.block(first))
        margin = HALO // _STRIDE
        maps = maps[:, :, margin:-margin, margin:-margin]
        maps = maps.reshape(n, self.rows, self.columns, WIDTH, *maps.shape[2:]).permute(0, 3, 1, 4, 2, 5)
        whole = maps.reshape(n, WIDTH, tall * self.rows // _STRIDE, wide * self.columns // _STRIDE)
        return whole[:, :, : -(-height // _STRIDE), : -(-width // _STRIDE)].contiguous(
            memory_format=torch.channels_last
        )

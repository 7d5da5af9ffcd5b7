"""The simple CNN of the CNN report: convolution blocks, two dense layers, dropout."""

import itertools
from dataclasses import dataclass

from torch import nn

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead


@dataclass(repr=False, eq=False, kw_only=True)
class SimpleCNN(ImageClassifier):
    """Three or four blocks of a 3 x 3 convolution, ReLU and max pooling, then two dense layers.

    Parameters
    ----------
    blocks : {3, 4}
        Convolution blocks, of 16, 32, 64 and 64 filters.
    dense : (int, int)
        Units of the two dense layers.
    dropout : float
        Share of the units dropped before each dense layer and before the last.

    Notes
    -----
    The other parameters are those of `ImageClassifier`. `defectbench tune simple_cnn` repeats the
    report's search over `dropout` and `dense`.
    """

    blocks: int = 4
    dense: tuple[int, int] = (600, 100)
    dropout: float = 0.25
    learning_rate: float | None = 5e-4

    def build(self, n_outputs: int, channels: int) -> BodyAndHead:
        """Make the network; the dense layers fit the image size, which must be given."""
        if self.image_size is None:
            raise ValueError("SimpleCNN needs a size")
        if self.blocks not in (3, 4):
            raise ValueError(f"blocks {self.blocks}: give 3 or 4")
        height, width = (side // 2**self.blocks for side in self.image_size)
        filters = [channels, 16, 32, 64, 64][: self.blocks + 1]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(filters):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        units = [filters[-1] * height * width, *self.dense]
        layers.append(nn.Flatten())
        for before, after in itertools.pairwise(units):
            layers += [nn.Dropout(self.dropout), nn.Linear(before, after), nn.ReLU()]
        head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(units[-1], n_outputs))
        return BodyAndHead(
            nn.Sequential(*layers), head, units[-1], mean=(0.5,) * channels, std=(0.25,) * channels
        )

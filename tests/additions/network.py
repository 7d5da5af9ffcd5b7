"""One dense layer on coarse pixels."""

from dataclasses import dataclass

from torch import nn

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead


@dataclass(repr=False, eq=False, kw_only=True)
class CoarseNetwork(ImageClassifier):
    """Means of a grid of cells, one dense layer of 16 units, and the decision.

    Parameters
    ----------
    cells : int
        Rows and columns of the grid.

    Notes
    -----
    The other parameters are those of `ImageClassifier`.
    """

    size: int | tuple[int, int] | None = 32
    cells: int = 8

    def build(self, n_outputs: int, channels: int) -> BodyAndHead:
        """Make the network for images of any size."""
        body = nn.Sequential(
            nn.AdaptiveAvgPool2d(self.cells), nn.Flatten(), nn.Linear(channels * self.cells**2, 16), nn.ReLU()
        )
        head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(16, n_outputs))
        return BodyAndHead(body, head, 16, mean=(0.5,) * channels, std=(0.25,) * channels)

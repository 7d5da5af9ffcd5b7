"""The two-layer CNN of the first Nexperia report."""

from dataclasses import dataclass

from torch import nn

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead


@dataclass(repr=False, eq=False, kw_only=True)
class TwoLayerCNN(ImageClassifier):
    """Two convolutions (16 and 32 filters, 5 x 5), max pooling, two dense layers of 1000 units.

    References
    ----------
    Madotto et al., Nexperia image classification, MATH 6380P project report, HKUST 2018.
    """

    size: int | tuple[int, int] | None = 64
    learning_rate: float = 3e-4
    dropout: float = 0.5

    def build(self, n_outputs: int, channels: int) -> BodyAndHead:
        """Make the network; the dense layers fit the image size, which must be given."""
        if self.image_size is None:
            raise ValueError("TwoLayerCNN needs a size")
        height, width = self.image_size
        body = nn.Sequential(
            *(nn.Conv2d(channels, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Dropout(self.dropout)),
            *(nn.Linear(32 * (height // 4) * (width // 4), 1000), nn.ReLU()),
            *(nn.Dropout(self.dropout), nn.Linear(1000, 1000), nn.ReLU()),
        )
        head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(1000, n_outputs))
        return BodyAndHead(body, head, 1000, mean=(0.5,) * channels, std=(0.25,) * channels)

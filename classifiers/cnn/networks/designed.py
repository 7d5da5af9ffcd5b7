"""The designed ResNet: narrow, deep, one input channel, a 32-dimensional embedding."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torchvision.models.resnet import BasicBlock

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead

WIDTH = 32
EMBEDDING = 32


@dataclass(repr=False, eq=False, kw_only=True)
class DesignedResNet(ImageClassifier):
    """A ResNet for one grey channel at the photographs' full size, with 2,878,241 parameters.

    Half of ResNet-18's width, and six basic blocks of 32 filters in place of two, so that most layers
    work at high resolution; then two blocks each of 64, 128 and 256 filters, global
    average pooling, and a dense layer of 32 units, which is the embedding. The report gives the number
    of parameters, the input and the embedding; this is the network of basic blocks that has them.

    Notes
    -----
    The parameters are those of `ImageClassifier`; by default images keep 267 x 275 pixels.

    References
    ----------
    He et al., Deep residual learning for image recognition, CVPR 2016.
    """

    size: int | tuple[int, int] | None = (267, 275)

    def build(self, n_outputs: int, channels: int) -> BodyAndHead:
        """Make the network for images of any size."""
        body = nn.Sequential(*stem(channels, BasicBlock), *trunk())
        start_residuals_at_zero(body)
        return body_and_head(body, n_outputs, channels, self.dropout)


def stem(channels: int, block: Callable[[int, int], nn.Module]) -> list[nn.Module]:
    """Return the first layers: a quarter of the image's side, 32 filters, one block."""
    return [
        nn.Conv2d(channels, WIDTH, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
        block(WIDTH, WIDTH),
    ]


def trunk() -> list[nn.Module]:
    """Return the layers from the second block to the embedding."""
    layers: list[nn.Module] = [BasicBlock(WIDTH, WIDTH), nn.MaxPool2d(3, stride=2, padding=1)]
    layers += [BasicBlock(WIDTH, WIDTH) for _ in range(4)]
    for before, after in ((WIDTH, 64), (64, 128), (128, 256)):
        shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride=2, bias=False), nn.BatchNorm2d(after))
        layers += [BasicBlock(before, after, 2, shortcut), BasicBlock(after, after)]
    return [*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, EMBEDDING), nn.ReLU()]


def start_residuals_at_zero(body: nn.Module) -> None:
    """Initialise every block as its shortcut, and convolutions at He's scale.

    References
    ----------
    Goyal et al., Accurate, large minibatch SGD: training ImageNet in 1 hour, 2017.
    """
    for layer in body.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, BasicBlock):
            nn.init.zeros_(layer.bn2.weight)


def body_and_head(body: nn.Module, n_outputs: int, channels: int, dropout: float) -> BodyAndHead:
    """Return the network of a body with a 32-dimensional embedding and a new last layer."""
    head = nn.Sequential(nn.Dropout(dropout), nn.Linear(EMBEDDING, n_outputs))
    return BodyAndHead(body, head, EMBEDDING, mean=(0.5,) * channels, std=(0.25,) * channels)

"""VGG-16 and 19 with batch norm: last layer only (LL), or through all layers (FBP)."""

from dataclasses import dataclass

from torch import nn

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from features.backbones.registry import load_backbone
from features.backbones.vgg import vgg_body
from features.backbones.weights import load_matching, load_weights

PUBLISHED_UNITS = 4096


@dataclass(repr=False, eq=False, kw_only=True)
class VGG(ImageClassifier):
    """A torchvision VGG with batch norm and a new last layer.

    Parameters
    ----------
    architecture : {"vgg16_bn", "vgg19_bn"}
    last_layer_only : bool
        Whether everything before the last layer keeps its weights.
    hidden_units : int
        Width of the two dense layers before the last: 4096 as published, with nine tenths of the
        network's weights; fewer start from random weights and only the convolutions from others.

    Notes
    -----
    The other parameters are those of `ImageClassifier`.

    References
    ----------
    Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, ICLR
    2015.
    """

    architecture: str = "vgg16_bn"
    last_layer_only: bool = False
    hidden_units: int = PUBLISHED_UNITS
    learning_rate: float | None = 2e-4

    def build(self, n_outputs: int, channels: int) -> BodyAndHead:
        """Load the body and put a dense layer on it; grey images fill its three channels."""
        body: nn.Module
        if self.hidden_units == PUBLISHED_UNITS:
            body = load_backbone(self.architecture, self.weights, seed=self.random_state).module
        else:
            body = vgg_body(self.architecture, self.hidden_units)
            if self.weights != "random":
                found = load_weights(self.architecture, self.weights)
                features = {
                    name.removeprefix("features."): tensor
                    for name, tensor in found.state.items()
                    if name.startswith("features.")
                }
                load_matching(body.get_submodule("features"), features, found.name)
        head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(self.hidden_units, n_outputs))
        return BodyAndHead(body, head, self.hidden_units, frozen=self.last_layer_only)

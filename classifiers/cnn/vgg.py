"""VGG-16 and 19 with batch norm: last layer only (LL), or through all layers (FBP)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from classifiers.cnn.resnet import LAST_LAYER
from classifiers.spec import ClassifierSpec
from features.backbones import load_backbone, vgg_body
from features.weights import load_matching, load_weights

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


def _spec(layers: int, last_layer_only: bool) -> ClassifierSpec:
    settings: dict[str, Any] = {"architecture": f"vgg{layers}_bn"}
    if last_layer_only:
        settings |= {**LAST_LAYER, "learning_rate": 1e-3}

    return ClassifierSpec(
        name=f"vgg{layers}_{'ll' if last_layer_only else 'fbp'}",
        title=f"VGG-{layers} {'LL' if last_layer_only else 'FBP'}",
        kind="cnn",
        make=_maker(settings),
        summary=f"VGG-{layers} with batch norm, {'last layer only' if last_layer_only else 'all layers'}",
        pretrained=True,
        augmented=not last_layer_only,
    )


def _maker(settings: dict[str, Any]) -> Callable[..., VGG]:
    def make(**params: Any) -> VGG:
        return VGG(**{**settings, **params})

    return make


LL_16, FBP_16, LL_19, FBP_19 = (_spec(layers, frozen) for layers in (16, 19) for frozen in (True, False))

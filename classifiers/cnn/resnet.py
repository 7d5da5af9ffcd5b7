"""ResNet-18 and 50: last layer only (LL), or through all layers (FBP, full back-propagation)."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from classifiers.spec import ClassifierSpec
from features.backbones import load_backbone


@dataclass(repr=False, eq=False, kw_only=True)
class ResNet(ImageClassifier):
    """A torchvision ResNet with one dense layer on its penultimate layer.

    With one output ResNet-18 has 11,177,025 parameters.

    Parameters
    ----------
    architecture : str
        A name of `features.backbones`.
    last_layer_only : bool
        Whether the body keeps its weights.

    Notes
    -----
    The other parameters are those of `ImageClassifier`.

    References
    ----------
    He et al., Deep residual learning for image recognition, CVPR 2016.
    """

    architecture: str = "resnet18"
    last_layer_only: bool = False

    def build(self, n_outputs: int, channels: int) -> BodyAndHead:
        """Load the body and put a dense layer on it; grey images fill its three channels."""
        backbone = load_backbone(self.architecture, self.weights, seed=self.random_state)
        head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(backbone.dim, n_outputs))
        return BodyAndHead(
            backbone.module,
            head,
            backbone.dim,
            backbone.mean,
            backbone.std,
            frozen=self.last_layer_only,
        )


LAST_LAYER = {"last_layer_only": True, "size": 224, "augment": "none", "epochs": 60, "batch_size": 64}


def make_last_layer(**params: Any) -> ResNet:
    """Make a ResNet-18 whose body keeps its weights."""
    return ResNet(**{**LAST_LAYER, **params})


def make_50(**params: Any) -> ResNet:
    """Make a ResNet-50 that is trained through all layers."""
    return ResNet(**{"architecture": "resnet50", **params})


def make_50_last_layer(**params: Any) -> ResNet:
    """Make a ResNet-50 whose body keeps its weights."""
    return ResNet(**{"architecture": "resnet50", **LAST_LAYER, **params})


LL = ClassifierSpec(
    name="resnet18_ll",
    title="ResNet-18 LL",
    kind="cnn",
    make=make_last_layer,
    summary="ResNet-18, last layer only",
    pretrained=True,
)
FBP = ClassifierSpec(
    name="resnet18_fbp",
    title="ResNet-18 FBP",
    kind="cnn",
    make=ResNet,
    summary="ResNet-18, all layers",
    pretrained=True,
    augmented=True,
)
LL_50 = ClassifierSpec(
    name="resnet50_ll",
    title="ResNet-50 LL",
    kind="cnn",
    make=make_50_last_layer,
    summary="ResNet-50, last layer only",
    pretrained=True,
)
FBP_50 = ClassifierSpec(
    name="resnet50_fbp",
    title="ResNet-50 FBP",
    kind="cnn",
    make=make_50,
    summary="ResNet-50, all layers",
    pretrained=True,
    augmented=True,
)

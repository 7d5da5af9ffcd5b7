"""ResNet-18 and 50: last layer only (LL), or through all layers (FBP, full back-propagation)."""

from dataclasses import dataclass

from torch import nn

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from classifiers.cnn.transfer import all_layers_spec, last_layer_spec
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


LL = last_layer_spec(ResNet, "ResNet-18")
FBP = all_layers_spec(ResNet, "ResNet-18")
LL_50 = last_layer_spec(ResNet, "ResNet-50", architecture="resnet50")
FBP_50 = all_layers_spec(ResNet, "ResNet-50", architecture="resnet50")

"""A pretrained backbone with a new last layer."""

from dataclasses import dataclass

from torch import nn

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from features.backbones.registry import load_backbone


@dataclass(repr=False, eq=False, kw_only=True)
class TransferNetwork(ImageClassifier):
    """A backbone with one dense layer on its penultimate layer.

    Parameters
    ----------
    architecture : str
        A name of `features.backbones.registry`.
    last_layer_only : bool
        Whether the body keeps its weights.

    Notes
    -----
    The other parameters are those of `ImageClassifier`.
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

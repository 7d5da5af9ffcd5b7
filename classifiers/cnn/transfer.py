"""Networks that others have trained: last layer only (LL), or through all layers (FBP)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from classifiers.spec import ClassifierSpec
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


_LAST_LAYER = {"last_layer_only": True, "size": 224, "augment": "none", "epochs": 60, "batch_size": 64}


def last_layer_spec(
    network: Callable[..., ImageClassifier], title: str, name: str | None = None, **settings: Any
) -> ClassifierSpec:
    """Return the line of a network whose body keeps its weights.

    Parameters
    ----------
    network : callable
        The estimator, with the parameters `architecture` and `last_layer_only`.
    title : str
        The network's name for people, such as `ResNet-18`.
    name : str, optional
        What the user types before `_ll`; by default the title in small letters without its dashes.
    **settings
        Its parameters where they differ from those of any last layer.
    """
    settings = {**_LAST_LAYER, **settings}
    return _spec(network, title, name, "LL", "last layer only", settings, augmented=False)


def all_layers_spec(
    network: Callable[..., ImageClassifier], title: str, name: str | None = None, **settings: Any
) -> ClassifierSpec:
    """Return the line of a network that is trained through all layers; see `last_layer_spec`."""
    return _spec(network, title, name, "FBP", "all layers", settings, augmented=True)


def _spec(
    network: Callable[..., ImageClassifier],
    title: str,
    name: str | None,
    way: str,
    words: str,
    settings: dict[str, Any],
    augmented: bool,
) -> ClassifierSpec:
    return ClassifierSpec(
        name=f"{name or title.replace('-', '')}_{way}".lower(),
        title=f"{title} {way}",
        kind="cnn",
        make=partial(network, **settings),
        summary=f"{title}, {words}",
        pretrained=True,
        augmented=augmented,
    )

"""Registry lines of networks that others have trained: last layer only (LL), or through all layers (FBP)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.spec import ClassifierSpec

_LAST_LAYER = {"last_layer_only": True, "size": 224, "augment": "none", "epochs": 60, "batch_size": 64}


def last_layer_spec(network: Callable[..., ImageClassifier], title: str, **settings: Any) -> ClassifierSpec:
    """Return the line of a network whose body keeps its weights.

    Parameters
    ----------
    network : callable
        The estimator, with the parameters `architecture` and `last_layer_only`.
    title : str
        The network's name for people, such as `ResNet-18`.
    **settings
        Its parameters where they differ from those of any last layer.
    """
    return _spec(network, title, "LL", "last layer only", {**_LAST_LAYER, **settings}, augmented=False)


def all_layers_spec(network: Callable[..., ImageClassifier], title: str, **settings: Any) -> ClassifierSpec:
    """Return the line of a network that is trained through all layers; see `last_layer_spec`."""
    return _spec(network, title, "FBP", "all layers", settings, augmented=True)


def _spec(
    network: Callable[..., ImageClassifier],
    title: str,
    way: str,
    words: str,
    settings: dict[str, Any],
    augmented: bool,
) -> ClassifierSpec:
    return ClassifierSpec(
        name=f"{title.replace('-', '')}_{way}".lower(),
        title=f"{title} {way}",
        kind="cnn",
        make=partial(network, **settings),
        summary=f"{title}, {words}",
        pretrained=True,
        augmented=augmented,
    )

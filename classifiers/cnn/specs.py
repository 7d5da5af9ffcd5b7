"""How networks are entered in the registry. This module does not import torch."""

from collections.abc import Mapping
from typing import Any

from classifiers.spec import ClassifierSpec, Deferred

_ROOM = "classifiers.cnn.networks."
#: The defaults of `ImageClassifier` that planning a run asks for.
BASE = {"size": 128, "epochs": 40}
_LAST_LAYER = {"last_layer_only": True, "size": 224, "augment": "none", "epochs": 60, "batch_size": 64}


def network(
    target: str,
    name: str,
    title: str,
    summary: str,
    *,
    pretrained: bool = False,
    augmented: bool = False,
    defaults: Mapping[str, Any] | None = None,
    **settings: Any,
) -> ClassifierSpec:
    """Return the entry of a network.

    Parameters
    ----------
    target : str
        `module:class` in `classifiers/cnn/networks`, such as `two_layer:TwoLayerCNN`.
    name, title, summary : str
        As in `ClassifierSpec`.
    pretrained : bool
        Whether there are ImageNet weights to start from.
    augmented : bool
        Whether training augments the images.
    defaults : mapping of str to object, optional
        As in `ClassifierSpec`.
    **settings
        Parameters in which the model differs from the defaults of its class.
    """
    return ClassifierSpec(
        name=name,
        title=title,
        kind="cnn",
        make=Deferred(_ROOM + target, settings),
        summary=summary,
        settings=settings,
        defaults=defaults or {},
        pretrained=pretrained,
        augmented=augmented,
    )


def last_layer(target: str, title: str, *, architecture: str, **settings: Any) -> ClassifierSpec:
    """Return the entry of a pretrained network of which only the last layer is trained (LL).

    Parameters
    ----------
    target : str
        `module:class` in `classifiers/cnn/networks`.
    title : str
        Title of the architecture, such as `ResNet-18`.
    architecture : str
        A name of `features.backbones.registry`. Without its ending `_bn` and with `_ll` it is the
        name of the model.
    **settings
        Parameters in which the model differs from the defaults of its class.
    """
    return network(
        target,
        f"{architecture.removesuffix('_bn')}_ll",
        f"{title} LL",
        f"{title}, last layer only",
        pretrained=True,
        architecture=architecture,
        **{**_LAST_LAYER, **settings},
    )


def all_layers(target: str, title: str, *, architecture: str, **settings: Any) -> ClassifierSpec:
    """Return the entry of a pretrained network that is trained through all layers (FBP).

    FBP stands for full back-propagation. The parameters are those of `last_layer`; the name ends with `_fbp`.
    """
    return network(
        target,
        f"{architecture.removesuffix('_bn')}_fbp",
        f"{title} FBP",
        f"{title}, all layers",
        pretrained=True,
        augmented=True,
        defaults=BASE,
        architecture=architecture,
        **settings,
    )

"""Detectors: networks that learn where defects are from boxes, in a registry of their own.

A new detector is one module and one entry here. Listing the detectors imports neither torch nor torchvision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers import registry
from classifiers.spec import ClassifierSpec, Deferred
from features.errors import InputError

if TYPE_CHECKING:
    from classifiers.detection.detector import Detector


def _entry(name: str, title: str, target: str, summary: str, **settings: Any) -> ClassifierSpec:
    """Return the entry of a detector; `target` is `module:class` in this folder."""
    return ClassifierSpec(
        name=name,
        title=title,
        kind="detector",
        make=Deferred(f"classifiers.detection.{target}", settings),
        summary=summary,
        settings=settings,
        pretrained=True,
        augmented=True,
    )


_REGISTRY: dict[str, ClassifierSpec] = {
    spec.name: spec
    for spec in (
        _entry(
            "faster_rcnn_resnet18",
            "Faster R-CNN ResNet-18",
            "faster_rcnn:FasterRCNNDetector",
            "region proposals, then a class and a box for each (Ren et al. 2015), on a feature pyramid",
            architecture="resnet18",
        ),
        _entry(
            "faster_rcnn_resnet50",
            "Faster R-CNN ResNet-50",
            "faster_rcnn:FasterRCNNDetector",
            "the same on ResNet-50",
            architecture="resnet50",
        ),
        _entry(
            "fcos_resnet18",
            "FCOS ResNet-18",
            "fcos:FCOSDetector",
            "a class and a box for each place, without anchors (Tian et al. 2019), on a feature pyramid",
            architecture="resnet18",
        ),
        _entry(
            "fcos_resnet50",
            "FCOS ResNet-50",
            "fcos:FCOSDetector",
            "the same on ResNet-50",
            architecture="resnet50",
        ),
    )
}


def names() -> list[str]:
    """Return the names of all detectors."""
    return list(_REGISTRY)


def get_spec(name: str) -> ClassifierSpec:
    """Return the entry of a detector.

    Raises
    ------
    InputError
        If there is no such detector; the message lists the detectors.

    Examples
    --------
    >>> get_spec("fcos_resnet18").title
    'FCOS ResNet-18'
    """
    if name not in _REGISTRY:
        raise InputError(f"no detector {name!r}; there are: {', '.join(_REGISTRY)}")
    return _REGISTRY[name]


def spec_of(name: str) -> ClassifierSpec:
    """Return the entry of a detector or of a model of `classifiers.registry`.

    Raises
    ------
    InputError
        If there is neither; the message lists both.
    """
    if name in _REGISTRY or name in registry.names():
        return _REGISTRY.get(name) or registry.get_spec(name)
    raise InputError(f"no model {name!r}; there are: {', '.join([*registry.names(), *_REGISTRY])}")


def make_detector(name: str, **params: Any) -> Detector:
    """Make an unfitted detector.

    Parameters
    ----------
    name : str
        One of `names()`.
    **params
        Parameters of the detector, see `classifiers.detection.detector.Detector`.

    Raises
    ------
    InputError
        If there is no such detector, or it has no such parameter.
    """
    spec = get_spec(name)
    try:
        return spec.make(**params)
    except TypeError as error:
        raise InputError(f"detector {name}: {str(error).rpartition('__init__() ')[2]}") from None

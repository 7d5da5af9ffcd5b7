"""Networks without their heads: images in, penultimate activations out."""

from features.backbones.registry import (
    Backbone,
    BackboneInfo,
    architecture_of,
    backbone_from_weights,
    check_patches,
    info,
    load_backbone,
    names,
)

__all__ = [
    "Backbone",
    "BackboneInfo",
    "architecture_of",
    "backbone_from_weights",
    "check_patches",
    "info",
    "load_backbone",
    "names",
]

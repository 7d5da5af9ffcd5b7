"""Networks without their heads: images in, penultimate activations out."""

from features.backbones.registry import (
    Backbone,
    BackboneInfo,
    backbone_from_weights,
    check_patches,
    info,
    load_backbone,
    names,
)

__all__ = [
    "Backbone",
    "BackboneInfo",
    "backbone_from_weights",
    "check_patches",
    "info",
    "load_backbone",
    "names",
]

"""Networks without their heads: images in, penultimate activations out."""

from features.backbones.registry import Backbone, backbone_from_weights, load_backbone, names
from features.backbones.vgg import vgg_body

__all__ = ["Backbone", "backbone_from_weights", "load_backbone", "names", "vgg_body"]

"""Make a backbone fast without changing what it computes."""

import copy
from collections import Counter

import torch
from torch import fx, nn
from torch.nn.utils import fuse_conv_bn_eval

from features.backbones.grey_stem import GreyStem, can_fold
from features.backbones.registry import Backbone
from features.pixels.transforms import normalise


class RgbNetwork(nn.Module):
    """Pixels of 0 to 255, one or three channels, to embeddings."""

    def __init__(self, backbone: Backbone, module: nn.Module):
        super().__init__()
        self.module, self.mean, self.std = module, backbone.mean, backbone.std

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Normalise and embed, shape (n, channels, height, width) to (n, dim)."""
        images = normalise(pixels, self.mean, self.std)
        return self.module(images.contiguous(memory_format=torch.channels_last))


class GreyNetwork(nn.Module):
    """Grey pixels of 0 to 255, one channel, to embeddings, by a network with a `GreyStem`."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Embed, shape (n, 1, height, width) to (n, dim)."""
        grey = pixels.float() * (1 / 255)
        return self.module(grey.contiguous(memory_format=torch.channels_last))


def rgb_network(backbone: Backbone) -> nn.Module:
    """Return the network for uint8 images, its batch norms fused into the convolutions."""
    return RgbNetwork(backbone, fuse_batch_norms(backbone.module)).eval()


def grey_network(backbone: Backbone) -> nn.Module:
    """Return the network for grey uint8 images; the first convolution folds where it can."""
    module = fuse_batch_norms(backbone.module)
    for name, child in module.named_modules():
        if isinstance(child, nn.Conv2d):
            if not can_fold(child):
                break
            module.set_submodule(name, GreyStem(child, backbone.mean, backbone.std))
            return GreyNetwork(module).eval()
    return RgbNetwork(backbone, module).eval()


def fuse_batch_norms(module: nn.Module) -> nn.Module:
    """Return a copy in which every batch norm right after a convolution is part of it.

    In evaluation mode a batch norm is an affine map per channel, so this is exact up to rounding. A
    module that cannot be traced is returned as a plain copy.
    """
    module = copy.deepcopy(module).eval()
    try:
        graph_module = fx.symbolic_trace(module)
    except Exception:
        return module
    modules = dict(graph_module.named_modules())
    calls = Counter(node.target for node in graph_module.graph.nodes if node.op == "call_module")
    for node in list(graph_module.graph.nodes):
        if node.op != "call_module" or not isinstance(modules[node.target], nn.BatchNorm2d):
            continue
        source = node.args[0]
        if source.op != "call_module" or len(source.users) != 1 or calls[source.target] != 1:
            continue
        if not isinstance(modules[source.target], nn.Conv2d):
            continue
        fused = fuse_conv_bn_eval(modules[source.target], modules[node.target])
        graph_module.set_submodule(source.target, fused)
        modules[source.target] = fused
        node.replace_all_uses_with(source)
        graph_module.graph.erase_node(node)
    graph_module.delete_all_unused_submodules()
    graph_module.recompile()
    return graph_module

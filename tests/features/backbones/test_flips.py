"""Embeddings that are the mean over an image and its mirror images."""

import numpy as np
import pytest
import torch

from features.backbones import architecture_of, info, load_backbone
from features.errors import InputError
from features.extract.forward import Forward


def embed(name, pixels):
    backbone = load_backbone(name, "random", seed=0)
    return Forward(backbone, tuple(pixels.shape[2:]), torch.device("cpu"), "float32")(pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_the_mean_of_four_views(channels):
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (3, channels, 48, 64), dtype=np.uint8))
    views = [pixels, pixels.flip(3), pixels.flip(2), pixels.flip(2, 3)]
    wanted = np.mean([embed("resnet18", view) for view in views], axis=0)
    found = embed("resnet18+flips", pixels)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(embed("resnet18+flips", views[3]), found, rtol=1e-3, atol=1e-4)


def test_weights_and_length_are_those_of_the_architecture():
    plain, flips = (load_backbone(name, "random", seed=0) for name in ("resnet18", "resnet18+flips"))
    assert (flips.name, flips.sha256, flips.dim) == ("resnet18+flips", plain.sha256, plain.dim)
    assert info("efficientnet_lite0+flips").dim == 1280
    assert not info("resnet18+flips").patch_layers
    assert architecture_of("resnet18") == "resnet18"


@pytest.mark.parametrize("name", ["resnet17+flips", "resnet18+flips+flips", "+flips"])
def test_unknown_architectures_are_refused(name):
    with pytest.raises(InputError, match="there are: resnet18"):
        load_backbone(name, "random")

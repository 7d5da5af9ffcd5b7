"""Data made for tests."""

import numpy as np
import pytest

import classifiers


def spots(n=60, side=32, seed=0):
    """Grey squares, every second one with a bright spot: uint8 images and labels 0 and 1."""
    rng = np.random.default_rng(seed)
    images = rng.normal(90, 12, (n, side, side)).clip(0, 255).astype(np.uint8)
    y = np.arange(n) % 2
    for row in np.flatnonzero(y):
        top, left = rng.integers(2, side - 10, 2)
        images[row, top : top + 8, left : left + 8] = 220
    return images, y


def small_network(name):
    """Parameters that make a network of the registry small enough for a test."""
    small = {"size": 32, "epochs": 2, "device": "cpu", "batch_size": 16}
    if name.startswith(("vgg", "resnet50", "efficientnet")):
        small["epochs"] = 1
    if name == "simple_cnn":
        small |= {"blocks": 3, "dense": (32, 16), "dropout": 0.0}
    if name == "darts":
        small |= {"channels": 4, "layers": 3}
    return {**small, "hidden_units": 16} if name.startswith("vgg") else small


def models(kind=None):
    """Return names of models to parametrize with: the second size of a network is left to `tox -e deep`."""
    seen, found = set(), []
    for name in classifiers.names(kind):
        spec = classifiers.get_spec(name)
        way = (getattr(spec.make, "target", spec.make), spec.settings.get("last_layer_only"))
        found.append(pytest.param(name, marks=[pytest.mark.deep] if way in seen else []))
        seen.add(way)
    return found

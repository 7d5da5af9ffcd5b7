import numpy as np
import pandas as pd
import pytest

from bench.config import load_config
from bench.engine.adapt import adapt

ROOT = {"dataset": {"root": "parts"}}


def images(n, height, width=None):
    return pd.DataFrame(
        {"height": height, "width": width or height, "split": np.where(np.arange(n) % 5 < 3, "train", "test")}
    )


@pytest.mark.parametrize(("side", "embedded", "trained"), [
    (20, 160, 64), (200, 192, 96), (267, 256, 128), (300, 288, 160), (4000, 320, 160),
])  # fmt: skip
def test_sizes_follow_from_the_images(side, embedded, trained):
    config = adapt(load_config("folder", ROOT), images(100, side, 2 * side))
    assert config.features.size == embedded
    assert {config.cnn.params_of(name)["size"] for name in config.cnn.models} == {trained}


def test_many_images_get_fewer_epochs_and_few_no_more_than_the_default():
    def epochs(n):
        return adapt(load_config("folder", ROOT), images(n, 100)).cnn.params_of("resnet18_fbp")["epochs"]

    default = 40
    assert epochs(20) == default
    assert epochs(1000) == round(15_000 / 600)
    assert epochs(1_000_000) == 4


def test_quick_sees_fewer_images_and_trains_one_network():
    config = load_config("folder", ROOT, quick=True)
    assert config.name == "folder-parts-quick" and config.cnn.models == ("efficientnet_lite0_fbp",)
    assert not config.features.projections
    adapted = adapt(config, images(1344, 500))
    assert adapted.cnn.params_of("efficientnet_lite0_fbp")["epochs"] == 5
    assert (
        adapt(load_config("elpv", quick=True), images(2624, 300)).cnn.params_of("efficientnet_lite0_fbp")[
            "size"
        ]
        == 96
    )


def test_flags_win_over_quick_and_over_the_images():
    overrides = {**ROOT, "cnn": {"params": {"epochs": 2}}, "features": {"backbones": ("resnet18",)}}
    config = adapt(load_config("folder", overrides, quick=True), images(1344, 500))
    assert config.cnn.params_of("efficientnet_lite0_fbp")["epochs"] == 2
    assert config.features.backbones == ("resnet18",)


def test_a_configuration_without_auto_stays_as_it_is():
    config = load_config("elpv")
    assert adapt(config, images(2624, 300)) == config
    folder = load_config("folder", ROOT)
    assert adapt(adapt(folder, images(90, 64)), images(5000, 300)) == adapt(folder, images(90, 64))

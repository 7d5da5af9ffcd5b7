import numpy as np
import pandas as pd
import pytest

from bench.config import load_config
from bench.engine.adapt import adapt
from features.errors import InputError

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


def labelled(y):
    """Sixty images of 100 pixels in three splits with these labels."""
    split = np.tile(["train", "valid", "test"], 20)
    return pd.DataFrame({"height": 100, "width": 100, "split": split, "y": y})


@pytest.mark.parametrize("split", ["train", "valid", "test"])
@pytest.mark.parametrize(("label", "what"), [(0, "good image"), (1, "defect")])
def test_a_curve_needs_both_classes_in_every_split(split, label, what):
    config = load_config("folder", {**ROOT, "curve": {"enabled": True, "sizes": "4,8,all"}})
    images = labelled(np.arange(60) // 3 % 2)
    assert adapt(config, images).curve.sizes == "4,8"
    images.loc[images["split"] == split, "y"] = 1 - label
    with pytest.raises(InputError, match=f"split {split}: no {what} among its 20 images; a learning curve"):
        adapt(config, images)


def test_sizes_of_a_curve_follow_from_the_train_split():
    images = labelled(np.arange(60) // 3 % 2)
    config = load_config("folder", {**ROOT, "curve": {"enabled": True, "sizes": "2,4,...,all"}})
    assert adapt(config, images).curve.sizes == "2,4,8,16"
    by = load_config("folder", {**ROOT, "curve": {"enabled": True, "by": "defects"}})
    found = adapt(by, images).curve
    assert found.sizes == "1,2,5" and found.network_sizes == "1,2,5"
    with pytest.raises(InputError, match="sizes 30: 30 is more than the 20 that there are"):
        adapt(load_config("folder", {**ROOT, "curve": {"enabled": True, "sizes": "30"}}), images)

import json
import math

import numpy as np
import pytest
from made import spots
from sklearn.base import clone

from classifiers.cnn.darts import DartsSearch, read_genotype
from features.errors import InputError

ROW = ["epoch", "train_loss", "valid_loss", "entropy_normal", "entropy_reduce", "skips_normal",
       "skips_reduce", "seconds"]  # fmt: skip


class Killed(Exception):
    pass


def make(**params):
    small = {"channels": 2, "layers": 3, "epochs": 3, "batch_size": 8, "image_size": 16, "device": "cpu",
             "alpha_learning_rate": 0.01, "max_skips": None}  # fmt: skip
    return DartsSearch(**{**small, **params})


def without_seconds(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


@pytest.fixture(scope="module")
def data():
    return spots(24, side=16)


@pytest.fixture(scope="module")
def undisturbed(data):
    return make().fit(*data)


def test_a_search_leaves_a_genotype_and_a_history(undisturbed):
    assert read_genotype(undisturbed.genotype_.to_json()) == undisturbed.genotype_
    assert [list(row) for row in undisturbed.history_] == [ROW] * 3
    assert json.loads(json.dumps(undisturbed.history_)) == undisturbed.history_
    assert undisturbed.history_[0]["entropy_normal"] == pytest.approx(math.log(8), abs=1e-3)


def test_the_same_seed_finds_the_same_genotype(undisturbed, data):
    again = clone(undisturbed).fit(*data)
    assert again.genotype_ == undisturbed.genotype_
    assert without_seconds(again.history_) == without_seconds(undisturbed.history_)
    assert make(seed=1).fit(*data).history_[0]["train_loss"] != again.history_[0]["train_loss"]


@pytest.mark.parametrize("last", [1, 2])
def test_a_killed_search_goes_on_where_it_was(last, undisturbed, data, tmp_path):
    path = str(tmp_path / "search.pt")

    def kill(row):
        if row["epoch"] == last:
            raise Killed

    with pytest.raises(Killed):
        make(checkpoint=path).fit(*data, report=kill)
    epochs = []
    resumed = make(checkpoint=path).fit(*data, report=lambda row: epochs.append(row["epoch"]))
    assert epochs == list(range(last + 1, 4))
    assert resumed.genotype_ == undisturbed.genotype_
    assert without_seconds(resumed.history_) == without_seconds(undisturbed.history_)


@pytest.mark.parametrize("name", ["seed", "pixels"])
def test_a_checkpoint_of_another_search_is_ignored(name, data, tmp_path):
    path = str(tmp_path / "search.pt")
    make(checkpoint=path, epochs=1).fit(*data)
    X = data[0].copy()
    X[3, 2, 2] ^= name == "pixels"
    epochs = []
    make(checkpoint=path, epochs=1, seed=int(name == "seed")).fit(X, data[1], report=epochs.append)
    assert len(epochs) == 1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"order": "third"}, "order 'third': choose first or second"),
        ({"precision": "float16"}, "precision 'float16': choose auto, bfloat16 or float32"),
        ({"layers": 2}, "layers 2: a search needs at least 3"),
        ({"batch_size": 1}, "batch_size 1: a search needs at least 2"),
        ({"epochs": 0}, "epochs 0: a search needs at least 1"),
        ({"beta_decay": -1.0}, "beta_decay -1.0: give 0 or more"),
        ({"channels": 4, "partial_channels": 4}, "each part needs an even number of channels"),
        ({"augment": "swirl"}, "no augmentation 'swirl'"),
        ({"stem": "none"}, "stem 'none': choose imagenet or cifar"),
    ],
)
def test_bad_settings_are_one_line(params, message, data):
    with pytest.raises(InputError, match=message) as caught:
        make(**params).fit(*data)
    assert "\n" not in str(caught.value)


def test_a_class_that_a_half_would_miss_is_named(data):
    X, y = data
    y = np.where(y == 1, "good", "scratch")
    y[5] = "dent"
    with pytest.raises(InputError, match="class 'dent' has 1 training image: one half of the search"):
        make().fit(X, y)

import json
import math

import numpy as np
import pytest
from made import spots
from sklearn.base import clone

from classifiers.cnn.darts import DartsSearch, Genotype, read_genotype
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


@pytest.mark.parametrize("at", ["the end of the epoch", "its last step"])
def test_a_search_killed_at_three_random_epochs_goes_on_where_it_was(at, data, tmp_path, monkeypatch):
    epochs, path = 6, str(tmp_path / "search.pt")
    whole = make(epochs=epochs).fit(*data)
    run_epoch = DartsSearch._epoch

    def kill(last):
        def epoch_and_end(search, trainer, X, codes, halves, epoch):
            row = run_epoch(search, trainer, X, codes, halves, epoch)
            if at == "its last step" and epoch == last:
                raise Killed
            return row

        def report(row):
            if row["epoch"] == last + 1:
                raise Killed

        monkeypatch.setattr(DartsSearch, "_epoch", epoch_and_end)
        with pytest.raises(Killed):
            make(epochs=epochs, checkpoint=path).fit(*data, report=report)

    kills = sorted(np.random.default_rng(0).choice(np.arange(epochs - 1), 3, replace=False))
    for last in kills:
        kill(last)
    monkeypatch.setattr(DartsSearch, "_epoch", run_epoch)
    done = []
    resumed = make(epochs=epochs, checkpoint=path).fit(*data, report=lambda row: done.append(row["epoch"]))
    first = kills[-1] + (1 if at == "its last step" else 2)
    assert done == list(range(first, epochs + 1))
    assert resumed.genotype_ == whole.genotype_
    assert without_seconds(resumed.history_) == without_seconds(whole.history_)


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


def test_too_many_skips_stop_the_search_and_the_genotype_before_is_kept(data, tmp_path, monkeypatch):
    # Skips of both cells after each epoch: beyond the bound by chance, within it, collapsed.
    counts, cells = iter([5, 5, 1, 3, 4, 0]), []

    def counted(cell):
        cells.append(cell)
        return next(counts)

    monkeypatch.setattr("classifiers.cnn.darts.search.estimator.skips", counted)
    search = make(epochs=4, max_skips=3, checkpoint=str(tmp_path / "search.pt"))
    found = search.fit(*data)
    assert [row["skips_normal"] for row in found.history_] == [5, 1, 4]
    assert found.stopped_ and found.genotype_ == Genotype("searched", cells[2], cells[3])
    # A stopped search stays stopped.
    again = clone(search).fit(*data)
    assert again.stopped_ and again.genotype_ == found.genotype_ and len(again.history_) == 3


def test_beta_decay_rises_and_the_learning_rate_falls():
    search = DartsSearch(epochs=5)
    assert [search.decay_factor(epoch) for epoch in range(5)] == [0.0, 12.5, 25.0, 37.5, 50.0]
    assert DartsSearch(epochs=5, beta_decay=False).decay_factor(4) == 0.0
    assert DartsSearch(epochs=5, beta_decay=0.5).decay_factor(4) == 0.5
    rates = [search.rate(epoch) for epoch in range(5)]
    assert rates[0] == 0.025 and rates == sorted(rates, reverse=True) and rates[-1] > 0.001
    assert search.rate(5) == pytest.approx(0.001)


def test_a_search_in_bfloat16_and_second_order_with_partial_channels_repeats(data):
    params = {"channels": 8, "epochs": 1, "order": "second", "partial_channels": 4, "precision": "bfloat16"}
    first, second = (make(**params).fit(*data) for _ in range(2))
    assert first.genotype_ == second.genotype_
    assert without_seconds(first.history_) == without_seconds(second.history_)

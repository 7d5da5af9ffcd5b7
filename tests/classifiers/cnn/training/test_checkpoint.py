import numpy as np
import pytest
import torch
from made import small_network, spots
from sklearn.base import clone

import classifiers

#: One of each way of being trained: with all layers, with a frozen body, without weights to start from.
WAYS = ["resnet18_fbp", "resnet18_ll", "cnn2"]


def make(name="cnn2", **params):
    return classifiers.make_classifier(name, **{**small_network(name), "epochs": 4, **params})


@pytest.fixture(scope="module")
def data():
    return spots(60)


class Killed(Exception):
    pass


@pytest.mark.parametrize("name", [pytest.param(WAYS[0], marks=pytest.mark.deep), *WAYS[1:]])
def test_mixup_and_the_running_mean_of_the_weights(name, data, tmp_path):
    X, y = data
    settings = {"mixup": 0.3, "ema": 0.9, "epochs": 3}
    first = make(name, **settings).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), make(name, **settings).fit(X, y).predict_proba(X))
    plain = make(name, epochs=3).fit(X, y)
    assert not np.array_equal(first.predict_proba(X), plain.predict_proba(X))
    last = make(name, **settings, keep_best=False, checkpoint=str(tmp_path / "c.pt"))
    resumed = clone(last)

    def kill(row):
        if row["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        last.fit(X, y, report=kill)
    undisturbed = make(name, **settings, keep_best=False).fit(X, y)
    np.testing.assert_array_equal(resumed.fit(X, y).predict_proba(X), undisturbed.predict_proba(X))


@pytest.mark.parametrize("name", WAYS)
def test_a_killed_training_goes_on_where_it_was(name, data, tmp_path):
    X, y = data
    undisturbed = make(name).fit(X, y)
    model = make(name, checkpoint=str(tmp_path / "state.pt"))

    def kill(row):
        if row["epoch"] == 3:
            raise Killed

    with pytest.raises(Killed):
        clone(model).fit(X, y, report=kill)
    # A frozen body, which training does not change, is not written again and again.
    assert ((tmp_path / "state.pt").stat().st_size < 1e5) == name.endswith("_ll")
    epochs = []
    model.fit(X, y, report=lambda row: epochs.append(row["epoch"]))
    assert epochs == [3, 4]
    np.testing.assert_array_equal(model.predict_proba(X), undisturbed.predict_proba(X))
    columns = ["train_loss", "valid_loss", "valid_auc"]
    assert model.history_[columns].equals(undisturbed.history_[columns])


def test_a_checkpoint_of_another_training_is_not_taken_up(data, tmp_path):
    X, y = data
    path = str(tmp_path / "state.pt")
    make(checkpoint=path).fit(X, y)
    epochs = []
    make(checkpoint=path, dropout=0.1).fit(X, y, report=lambda row: epochs.append(row["epoch"]))
    assert epochs == [1, 2, 3, 4]


def _changed_pixel(X, y, weight):
    X = X.copy()
    X[37, 5, 5] ^= 1  # one bit of one pixel of one row
    return X, y, weight


def _swapped_labels(X, y, weight):
    y = y.copy()
    y[[0, 1]] = y[[1, 0]]
    return X, y, weight


def _renamed_labels(X, y, weight):
    return X, np.where(y, "bad", "good"), weight


def _changed_weight(X, y, weight):
    weight = weight.copy()
    weight[11] = 2.0
    return X, y, weight


def _moved_rows(X, y, weight):
    order = np.r_[2, 1, 0, 3 : len(X)]  # the sum of the pixels stays the same
    return X[order], y[order], weight[order]


@pytest.mark.parametrize(
    "change", [_changed_pixel, _swapped_labels, _renamed_labels, _changed_weight, _moved_rows]
)
@pytest.mark.parametrize("name", ["cnn2", "resnet18_ll"])
def test_a_checkpoint_of_other_pixels_labels_or_sample_weights_is_ignored(change, name, data, tmp_path):
    X, y = data[0][:60], data[1][:60]
    model = make(name, epochs=1, checkpoint=str(tmp_path / "state.pt"))
    epochs = []

    def fit(X, y, weight):
        epochs.clear()
        model.fit(X[:40], y[:40], valid=(X[40:], y[40:]), sample_weight=weight[:40],
                  report=lambda row: epochs.append(row["epoch"]))  # fmt: skip
        return len(epochs)

    weight = np.ones(len(y))
    assert fit(X, y, weight) == 1
    assert fit(X, y, weight) == 0
    assert fit(*change(X, y, weight)) == 1


def test_a_checkpoint_is_ignored_when_its_weights_file_was_overwritten(data, tmp_path):
    X, y = data
    source = make("vgg16_ll").build(1, 1).body
    path = tmp_path / "weights.pth"
    model = make("vgg16_ll", epochs=1, weights=str(path), checkpoint=str(tmp_path / "state.pt"))
    counts = []
    for shift in (0.0, 0.0, 0.01):
        torch.save({name: tensor + shift for name, tensor in source.state_dict().items()}, path)
        epochs = []
        model.fit(X[:24], y[:24], report=lambda row, epochs=epochs: epochs.append(row["epoch"]))
        counts.append(len(epochs))
    assert counts == [1, 0, 1]


def test_the_best_epoch_is_kept_and_patience_stops(data):
    X, y = data
    model = make(epochs=60, patience=2, learning_rate=3e-3).fit(X[:40], y[:40], valid=(X[40:], y[40:]))
    aucs = model.history_["valid_auc"]
    assert len(aucs) < 60
    assert aucs[model.best_epoch_ - 1] == aucs.max()
    assert model.best_epoch_ == len(aucs) - 2

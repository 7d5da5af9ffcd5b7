import numpy as np
import pytest
import torch
from made import models, small_network, spots
from scipy.sparse import csr_matrix

import classifiers
from features.errors import InputError
from features.extract.extractor import Extractor


def make(name="cnn2", **params):
    return classifiers.make_classifier(name, **{**small_network(name), "epochs": 4, **params})


@pytest.fixture(scope="module")
def data():
    return spots(90)


def test_it_learns_what_is_there(data):
    X, y = data
    model = make(epochs=15, learning_rate=2e-3).fit(X[:60], y[:60], valid=(X[60:], y[60:]))
    assert model.score(X[60:], y[60:]) > 0.9
    assert model.history_["valid_auc"].max() > 0.95


@pytest.mark.parametrize("name", models("cnn"))
def test_probabilities_add_up(name, data):
    X, y = data
    proba = make(name, epochs=1).fit(X[:36], y[:36]).predict_proba(X[:5])
    assert proba.shape == (5, 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", models("cnn"))
def test_more_than_two_classes(name, data):
    X = data[0][:36]
    y = np.array(["a", "b", "c"])[np.arange(len(X)) % 3]
    model = make(name, epochs=1).fit(X, y)
    assert model.predict_proba(X[:4]).shape == (4, 3)
    assert model.decision_function(X[:4]).shape == (4, 3)


@pytest.mark.parametrize("name", models("cnn"))
def test_colour_images(name):
    X, y = spots(24)
    X = np.stack([X, X, X], axis=3)
    assert make(name, epochs=1).fit(X, y).predict(X[:3]).shape == (3,)


@pytest.mark.parametrize("name", models("cnn"))
def test_the_body_is_a_backbone(name, data):
    X, y = data[0][:36], data[1][:36]
    model = make(name, epochs=1, precision="float32").fit(X, y)
    extractor = Extractor(model.as_backbone(name), size=model.image_size, precision="float32", workers=0)
    out = extractor.transform(X[:6])
    expected = model.embed(X[:6])
    assert np.linalg.norm(out - expected) / np.linalg.norm(expected) < 1e-3
    assert model.as_backbone(name).sha256 == model.as_backbone(name).sha256


def test_decisions_are_finer_than_what_the_network_computes_in(data):
    X, y = data
    model = make("resnet18_fbp", precision="bfloat16", epochs=1).fit(X, y)
    assert len(np.unique(model.predict_proba(X)[:, 1])) > 0.9 * len(np.unique(X, axis=0))


def test_valid_rows_do_not_teach(data):
    X, y = data
    first = make().fit(X[:60], y[:60], valid=(X[60:], y[60:]))
    second = make(keep_best=False).fit(X[:60], y[:60], valid=(X[60:][::-1], y[60:][::-1]))
    columns = ["train_loss"]
    assert first.history_[columns].equals(second.history_[columns])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((4, 8, 8), np.float32), "give uint8"),
        (np.zeros((4, 8), np.uint8), "give uint8"),
        (np.zeros((0, 8, 8), np.uint8), "empty image list"),
        (np.zeros((4, 0, 8), np.uint8), "at least 1 pixel"),
        (csr_matrix(np.eye(4, dtype=np.uint8)), "sparse input is not supported"),
    ],
)
def test_other_arrays_are_refused(X, message):
    with pytest.raises(InputError, match=message):
        make().fit(X, np.arange(X.shape[0]) % 2)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"augment": "swirl"}, "no augmentation 'swirl'"),
        ({"optimizer": "lion"}, "choose adamw or sgd"),
        ({"sampling": "12X"}, "sampling '12X'"),
        ({"schedule": "step"}, "choose cosine, constant or exponential"),
        ({"precision": "int8"}, "choose bfloat16, float16 or float32"),
    ],
)
def test_unknown_settings_are_named(params, message, data):
    with pytest.raises(InputError, match=message):
        make(**params).fit(*data)


def test_one_class_is_refused(data):
    with pytest.raises(InputError, match="one class only"):
        make().fit(data[0], np.zeros(len(data[0]), int))


def test_a_frozen_body_keeps_its_weights_and_statistics(data):
    X, y = data
    model = make("resnet18_ll", augment="brightness").fit(X, y)
    fresh = make("resnet18_ll")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        untouched = fresh.build(1, 1)
    for name, tensor in model.module_.body.state_dict().items():
        assert torch.equal(tensor, untouched.body.state_dict()[name]), name

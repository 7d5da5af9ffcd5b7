import copy
import json

import numpy as np
import pytest
import torch
from made import small_network, spots
from sklearn.base import clone

import classifiers
from classifiers.cnn.darts import random_genotype
from features.errors import InputError


def make(**params):
    return classifiers.make_classifier("darts", **{**small_network("darts"), "epochs": 1, **params})


@pytest.fixture(scope="module")
def data():
    return spots(24)


def parameters(model):
    return sum(tensor.numel() for tensor in model.build(1, 1).parameters())


def test_a_genotype_is_a_name_a_file_a_text_or_a_random_seed(tmp_path):
    path = tmp_path / "cell.json"
    path.write_text(random_genotype(3).to_json())
    sizes = [parameters(make(genotype=source)) for source in (str(path), path.read_text(), "random:3")]
    assert len(set(sizes)) == 1
    model = make(genotype="random:3", auxiliary=0.4, drop_path=0.2)
    assert clone(model).get_params() == model.get_params()
    assert json.loads(json.dumps(model.get_params()))["genotype"] == "random:3"


def test_the_auxiliary_head_supports_training_and_leaves_predictions_alone(data):
    X, y = data
    module = make(auxiliary=0.4).build(1, 1)
    images = torch.from_numpy(X[:4])[:, None]
    module.train()(images)
    assert module.take_auxiliary().shape == (4, 1)
    assert module.take_auxiliary() is None
    module.eval()(images)
    assert module.take_auxiliary() is None
    plain, supported = (make(auxiliary=weight).fit(X, y) for weight in (0.0, 0.4))
    assert supported.history_["train_loss"][0] > plain.history_["train_loss"][0]
    assert supported.predict_proba(X).shape == (24, 2)
    np.testing.assert_array_equal(
        copy.deepcopy(supported).predict_proba(X), make(auxiliary=0.4).fit(X, y).predict_proba(X)
    )


def test_the_recipe_of_the_report_can_be_expressed(data):
    recipe = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 3e-5, "clip": 5.0, "warmup": 0.0,
              "schedule": "exponential", "gamma": 0.97, "label_smoothing": 0.1, "drop_path": 0.3,
              "auxiliary": 0.4, "augment": "hflip,cutout", "mixup": 0.2}  # fmt: skip
    assert np.isfinite(make(**recipe).fit(*data).predict_proba(data[0])).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"drop_path": 1.0}, "drop_path 1.0: give 0 or more and less than 1"),
        ({"auxiliary": -0.4}, "auxiliary -0.4: give 0 or more"),
        ({"layers": 1}, "1 layers: two reduction cells need at least two"),
        ({"genotype": "random:x"}, "give a seed of digits"),
    ],
)
def test_bad_settings_are_one_line(params, message, data):
    with pytest.raises(InputError, match=message):
        make(**params).fit(*data)

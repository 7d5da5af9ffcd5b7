import pytest
from made import small_network, spots

import classifiers
from classifiers.cnn.training.loop import make_optimizer
from classifiers.cnn.training.net import TrainingDiverged


def make(name="cnn2", **params):
    return classifiers.make_classifier(name, **{**small_network(name), "epochs": 4, **params})


@pytest.fixture(scope="module")
def data():
    return spots(90)


def test_discriminative_rates_fall_with_the_distance_from_the_head():
    model = make("resnet18_fbp", layer_decay=0.5)
    groups = make_optimizer(model.training_settings(), model.build(1, 1)).param_groups
    rates = list(dict.fromkeys(group["lr"] for group in groups))
    assert rates[0] == model.highest_rate and rates == sorted(rates, reverse=True) and len(rates) > 4


def test_a_training_can_stop_within_its_schedule(data):
    X, y = data
    whole = make(epochs=4, keep_best=False).fit(X, y).history_
    part = make(epochs=4, keep_best=False, stop_after=2).fit(X, y)
    assert len(part.history_) == part.best_epoch_ == 2
    assert part.history_["train_loss"].equals(whole["train_loss"][:2])


def test_a_constant_schedule_is_another_training(data):
    X, y = data
    falling, staying = (make(schedule=s, keep_best=False).fit(X, y).history_ for s in ("cosine", "constant"))
    assert falling["train_loss"].iloc[-1] != staying["train_loss"].iloc[-1]
    assert (staying["last_loss"] > 0).all()


def test_a_loss_that_is_no_number_stops_with_advice(data):
    X, y = data
    with pytest.raises(TrainingDiverged, match="lower the learning rate"):
        make(learning_rate=1e30, precision="float32", warmup=0.01).fit(X, y)

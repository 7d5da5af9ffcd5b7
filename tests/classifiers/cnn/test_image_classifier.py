import numpy as np
import pytest
import torch
from made import small_network, spots
from scipy.sparse import csr_matrix
from sklearn.base import clone

import classifiers
from classifiers.cnn.networks.stratified import StratifiedStem
from classifiers.cnn.training import augment, tta
from classifiers.cnn.training.batches import EpochOrder
from classifiers.cnn.training.loop import make_optimizer
from classifiers.cnn.training.net import TrainingDiverged
from features.backbones.vgg import vgg_body
from features.errors import InputError
from features.extract.extractor import Extractor

CNNS = classifiers.names("cnn")
#: One of each way of being trained: with all layers, with a frozen body, without weights to start from.
WAYS = ["resnet18_fbp", "resnet18_ll", "cnn2"]


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


@pytest.mark.parametrize("name", CNNS)
def test_probabilities_add_up(name, data):
    X, y = data
    proba = make(name, epochs=1).fit(X[:36], y[:36]).predict_proba(X[:5])
    assert proba.shape == (5, 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", CNNS)
def test_more_than_two_classes(name, data):
    X = data[0][:36]
    y = np.array(["a", "b", "c"])[np.arange(len(X)) % 3]
    model = make(name, epochs=1).fit(X, y)
    assert model.predict_proba(X[:4]).shape == (4, 3)
    assert model.decision_function(X[:4]).shape == (4, 3)


@pytest.mark.parametrize("name", CNNS)
def test_colour_images(name):
    X, y = spots(24)
    X = np.stack([X, X, X], axis=3)
    assert make(name, epochs=1).fit(X, y).predict(X[:3]).shape == (3,)


@pytest.mark.parametrize("name", CNNS)
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


class Killed(Exception):
    pass


@pytest.mark.parametrize("name", WAYS)
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
    model = make(epochs=60, patience=2, learning_rate=3e-3).fit(X[:60], y[:60], valid=(X[60:], y[60:]))
    aucs = model.history_["valid_auc"]
    assert len(aucs) < 60
    assert aucs[model.best_epoch_ - 1] == aucs.max()
    assert model.best_epoch_ == len(aucs) - 2


def test_valid_rows_do_not_teach(data):
    X, y = data
    first = make().fit(X[:60], y[:60], valid=(X[60:], y[60:]))
    second = make(keep_best=False).fit(X[:60], y[:60], valid=(X[60:][::-1], y[60:][::-1]))
    columns = ["train_loss"]
    assert first.history_[columns].equals(second.history_[columns])


def test_a_loss_that_is_no_number_stops_with_advice(data):
    X, y = data
    with pytest.raises(TrainingDiverged, match="lower the learning rate"):
        make(learning_rate=1e30, precision="float32", warmup=0.01).fit(X, y)


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
        ({"schedule": "step"}, "choose cosine or constant"),
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


@pytest.mark.parametrize(
    ("name", "published", "tolerance"),
    [("resnet18_fbp", 11_177_025, 0), ("designed_resnet", 2_878_241, 0), ("stratified", 3_118_497, 0.02)],
)
def test_networks_have_the_published_number_of_parameters(name, published, tolerance):
    module = classifiers.make_classifier(name).build(1, 1)
    assert abs(sum(p.numel() for p in module.parameters()) - published) <= tolerance * published


def test_the_designed_networks_take_whole_photographs():
    for name in ("designed_resnet", "stratified"):
        model = classifiers.make_classifier(name)
        assert model.image_size == (267, 275)
        module = model.build(1, 1).eval()
        embedded = module.embed(torch.zeros(2, 1, 267, 275, dtype=torch.uint8))
        assert embedded.shape == (2, 32) and module.body.get_submodule("0") is not None


def test_equal_strata_compute_what_one_stem_does_and_show_no_seam():
    torch.manual_seed(0)
    strata = StratifiedStem(1, 4, 3).eval()
    torch.nn.init.ones_(strata.block[-1].weight)
    one = StratifiedStem(1, 1, 1).eval()
    state = {}
    for name, tensor in one.state_dict().items():
        wide = strata.state_dict()[name]
        state[name] = wide[: len(tensor)] if tensor.ndim else wide
    one.load_state_dict(state)
    shared = {
        name: tensor if not tensor.ndim else tensor.repeat(12, *[1] * (tensor.ndim - 1))
        for name, tensor in state.items()
    }
    strata.load_state_dict(shared)
    images = torch.randn(2, 1, 267, 275)
    with torch.inference_mode():
        torch.testing.assert_close(strata(images), one(images), rtol=1e-4, atol=1e-4)


def test_strata_have_filters_of_their_own():
    strata = StratifiedStem(1, 4, 3).eval()
    images = torch.zeros(1, 1, 64, 48)
    images[..., :] = 1
    with torch.inference_mode():
        maps = strata(images)
    assert not torch.allclose(maps[..., 6, 6], maps[..., 10, 6])


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


def test_discriminative_rates_fall_with_the_distance_from_the_head():
    model = make("resnet18_fbp", layer_decay=0.5)
    groups = make_optimizer(model.training_settings(), model.build(1, 1)).param_groups
    rates = list(dict.fromkeys(group["lr"] for group in groups))
    assert rates[0] == model.highest_rate and rates == sorted(rates, reverse=True) and len(rates) > 4


@pytest.mark.parametrize("hidden_units", [16, 4096])
def test_vgg_starts_from_weights_at_hand(hidden_units, tmp_path):
    state = {f"features.{k}": v + 1 for k, v in vgg_body("vgg16_bn", 16).features.state_dict().items()}
    if hidden_units == 4096:
        state |= {f"classifier.{k}": torch.full_like(v, 0.5)
                  for k, v in vgg_body("vgg16_bn").classifier.state_dict().items()}  # fmt: skip
    torch.save(state, tmp_path / "vgg.pth")
    model = make("vgg16_ll", weights=str(tmp_path / "vgg.pth"), hidden_units=hidden_units)
    body = model.build(1, 1).body.state_dict()
    assert torch.equal(body["features.0.weight"], state["features.0.weight"])
    assert body["classifier.3.weight"].shape == (hidden_units, hidden_units)


@pytest.mark.parametrize("step", augment.names())
def test_every_augmentation_keeps_shape_and_repeats(step):
    images = torch.randint(0, 256, (6, 1, 24, 24), dtype=torch.uint8)
    first, second = (augment.augment(images, [step], torch.Generator().manual_seed(1)) for _ in range(2))
    assert first.shape == images.shape and first.dtype == torch.float32
    assert torch.equal(first, second) and not torch.equal(first, images.float())


@pytest.mark.parametrize("name", tta.names())
def test_every_view_keeps_the_shape(name):
    images = torch.randint(0, 256, (2, 1, 32, 32), dtype=torch.uint8)
    views = [view(images) for view in tta.views(name)]
    assert {tuple(view.shape) for view in views} == {(2, 1, 32, 32)}
    assert len(views) == {"none": 1, "hflip": 2, "dihedral": 8, "tencrop": 10}[name]
    assert len({view.float().sum(dim=(0, 1)).numpy().tobytes() for view in views}) == len(views)


def test_sampling_draws_what_it_says():
    y = np.array([0] * 90 + [1] * 10)
    bootstrap = EpochOrder(y, "20B")
    rows = bootstrap(0)
    assert len(rows) == len(bootstrap) == 40 and (y[rows] == 1).sum() == 20
    assert len(set(rows[y[rows] == 1])) < 20
    without = EpochOrder(y, "20S")(0)
    assert len(without) == len(set(without)) == 30
    assert sorted(EpochOrder(y)(0)) == list(range(100))
    assert (EpochOrder(y)(0) != EpochOrder(y)(1)).any()
    np.testing.assert_array_equal(EpochOrder(y, "20B")(3), EpochOrder(y, "20B")(3))

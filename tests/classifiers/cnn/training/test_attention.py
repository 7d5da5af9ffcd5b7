"""Attention with the boxes: the penalty, the masks beside the images, and what training does with them."""

import numpy as np
import pytest
import torch
from made import models, small_network
from torch import nn

import classifiers
from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from classifiers.cnn.training import augment
from classifiers.cnn.training.attention import Attention, outside_energy
from classifiers.cnn.training.identity import settings_of
from classifiers.cnn.training.regions import RegionMasks
from classifiers.maps.networks import network_maps
from features.errors import InputError

SIDE = 96
OPTIONS = {"size": None, "epochs": 3, "device": "cpu", "batch_size": 16, "precision": "float32"}


def two_signs(n=48, height=64, width=96, seed=0):
    """Defects with two signs, a bright spot top right and a dark bar below; the region is the spot."""
    rng = np.random.default_rng(seed)
    X = rng.normal(120, 15, (n, height, width)).clip(0, 255).astype(np.uint8)
    y, regions = np.arange(n) % 2, np.zeros((n, height, width), np.uint8)
    X[y == 1, 4:20, 70:86] = 235
    X[y == 1, 48:60, 8:60] = 20
    regions[y == 1, 4:20, 70:86] = 255
    return X, y, regions


class Pooled(ImageClassifier):
    """Three convolutions, and a dense layer on their pooled map; with `hidden`, another one between them."""

    hidden = False

    def build(self, n_outputs, channels):
        layers = []
        for before, after in ((channels, 8), (8, 16), (16, 16)):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        layers += [nn.Linear(16, 16), nn.ReLU()] if self.hidden else []
        shades = {"mean": (0.5,) * channels, "std": (0.25,) * channels}
        return BodyAndHead(nn.Sequential(*layers), nn.Linear(16, n_outputs), 16, **shades)


class Dense(Pooled):
    hidden = True


class Coarse(Pooled):
    """A map of a sixteenth of the side."""

    def build(self, n_outputs, channels):
        module = super().build(n_outputs, channels)
        module.body.insert(0, nn.AvgPool2d(2))
        return module


class Frozen(Pooled):
    def build(self, n_outputs, channels):
        module = super().build(n_outputs, channels)
        module.frozen = True
        module.body.requires_grad_(False)
        return module


class FrozenDense(Frozen):
    hidden = True


def cnn(kind=Pooled, **params):
    shared = {**OPTIONS, "augment": "none", "learning_rate": 1e-2, "random_state": 0}
    return kind(**{**shared, **params})


def outside_of(model, X, y, regions):
    """Mean share of the positive evidence outside of the regions, by the maps that runs are measured with."""
    maps = torch.from_numpy(network_maps(model, X[y == 1]))
    return float(outside_energy(maps, torch.from_numpy(regions[y == 1]).float()[:, None] / 255).mean())


def test_share_outside_of_known_maps():
    masks = torch.zeros(1, 1, 4, 8)
    masks[..., 0:2, 4:8] = 1
    corner = torch.zeros(1, 2, 2)
    corner[0, 0, 1] = 5.0
    assert outside_energy(corner, masks) == pytest.approx(0, abs=0.05)
    for turns in (1, 2, 3):
        assert outside_energy(torch.rot90(corner, turns, (1, 2)), masks) == 1
    assert outside_energy(torch.ones(1, 2, 2), masks) == pytest.approx(0.75, abs=0.02)
    # Negative evidence is none.
    assert outside_energy(corner - (corner == 0) * 0.1, masks) == pytest.approx(0, abs=0.06)


def test_a_region_smaller_than_a_cell_can_hold_all_of_the_evidence():
    masks = torch.zeros(1, 1, 32, 32)
    masks[..., 2:5, 20:22] = 1
    maps = torch.zeros(1, 2, 2)
    maps[0, 0, 1] = 1
    assert outside_energy(maps, masks) == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("value", [-1.0, 0.0, 1e-30])
def test_a_map_without_evidence_lies_outside_and_has_a_finite_gradient(value):
    maps = torch.full((1, 3, 3), value, requires_grad=True)
    share = outside_energy(maps, torch.ones(1, 1, 6, 6))
    assert share.item() == pytest.approx(1)
    share.sum().backward()
    assert torch.isfinite(maps.grad).all() and maps.grad.abs().max() < 2000


@pytest.mark.parametrize("step", augment.names())
def test_masks_follow_every_augmentation(step):
    # The image is its own mask, so both must end up the same wherever the step moves pixels.
    masks = torch.zeros(8, 1, 24, 24)
    masks[..., 2:9, 12:22] = 255
    images, moved = augment.augment_with_masks(masks, masks, [step], torch.Generator().manual_seed(3))
    alone = augment.augment(masks, [step], torch.Generator().manual_seed(3))
    assert torch.equal(images, alone), "images must not depend on whether there are masks"
    if step in ("brightness", "contrast"):
        assert torch.equal(moved, masks)
    elif step == "cutout":
        assert ((moved == 0) | (moved == masks)).all() and (moved.sum((1, 2, 3)) < masks.sum((1, 2, 3))).any()
        assert torch.equal(moved == 255, images == 255)
    else:
        assert torch.equal(moved, images) and not torch.equal(moved, masks)


def test_masks_follow_a_chain_of_augmentations():
    masks = torch.zeros(16, 1, 20, 20)
    masks[..., 1:6, 3:17] = 255
    steps = ["brightness", "hflip", "turns", "contrast", "affine", "vflip", "rotate"]
    plain = [step for step in steps if step not in ("brightness", "contrast")]
    generator = torch.Generator().manual_seed(5)
    images, moved = augment.augment_with_masks(masks, masks, steps, generator)
    assert torch.equal(images, augment.augment(masks, steps, torch.Generator().manual_seed(5)))
    bright = images - images.amin((1, 2, 3), keepdim=True)
    bright = bright / bright.amax((1, 2, 3), keepdim=True) * 255
    assert len(plain) == 5 and torch.allclose(bright, moved, atol=1.0)


@pytest.mark.parametrize("name", models("cnn"))
def test_the_penalty_of_every_network_is_that_of_its_grad_cam_map(name):
    estimator = classifiers.make_classifier(name, **{**small_network(name), "size": SIDE})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = estimator.set_params(weights="random").build(1, 1).eval()
    X = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE), np.uint8)
    masks = torch.zeros(3, 1, SIDE, SIDE)
    masks[:2, :, 5:40, 50:90] = 1
    attention, pixels = Attention(module, X), torch.from_numpy(X)[:, None]
    with attention.watch(module):
        decisions = module(pixels)
    penalty = attention.penalty(decisions, torch.ones(3), torch.ones(3), masks)
    estimator.classes_, estimator.n_channels_, estimator.device_ = np.arange(2), 1, torch.device("cpu")
    estimator.module_ = module
    estimator.precision = "float32"
    share = outside_energy(torch.from_numpy(network_maps(estimator, X[:2])), masks[:2])
    torch.testing.assert_close(penalty, share.mean(), rtol=1e-3, atol=1e-4)
    penalty.backward()
    gradients = [p.grad for p in module.parameters() if p.requires_grad and p.grad is not None]
    assert gradients and all(torch.isfinite(g).all() for g in gradients)
    assert any(g.abs().max() > 0 for g in gradients)


@pytest.mark.parametrize("kind", [Pooled, Dense])
def test_attention_moves_the_evidence_into_the_regions(kind):
    X, y, regions = two_signs()
    plain = cnn(kind, epochs=8).fit(X, y, valid=(X, y))
    attending = cnn(kind, epochs=8, attention_weight=2.0).fit(X, y, valid=(X, y), regions=regions)
    before, after = (outside_of(model, X, y, regions) for model in (plain, attending))
    assert after < before - 0.2, (before, after)
    assert attending.history_["valid_auc"].iloc[-1] > 0.99, "the network must still tell defects"
    shares = attending.history_["outside_energy"]
    assert shares.iloc[-1] < shares.iloc[0] - 0.2


def test_swapped_axes_of_a_region_lead_elsewhere():
    X, y, regions = two_signs(height=96, width=96)
    X[:, 70:86, 4:20], X[:, 80:96] = 120, 120
    options = {"epochs": 8, "attention_weight": 2.0}
    right = cnn(**options).fit(X, y, valid=(X, y), regions=regions)
    swapped = cnn(**options).fit(X, y, valid=(X, y), regions=regions.transpose(0, 2, 1))
    assert outside_of(right, X, y, regions) < outside_of(swapped, X, y, regions) - 0.2
    with pytest.raises(InputError, match="one mask"):
        cnn(attention_weight=1.0).fit(*two_signs()[:2], regions=two_signs()[2].transpose(0, 2, 1))


def test_weight_0_and_images_without_a_usable_region_train_as_without_attention():
    X, y, regions = two_signs(32)
    good = np.where((y == 0)[:, None, None], regions[1], 0).astype(np.uint8)
    plain = cnn(epochs=2, augment="hflip,affine").fit(X, y)
    for weight, given in ((0.0, regions), (1.0, np.zeros_like(regions)), (1.0, good)):
        other = cnn(epochs=2, augment="hflip,affine", attention_weight=weight).fit(X, y, regions=given)
        for name, tensor in plain.module_.state_dict().items():
            assert torch.equal(tensor, other.module_.state_dict()[name]), name
        same = ["epoch", "train_loss", "valid_loss", "valid_auc"]
        assert plain.history_[same].equals(other.history_[same]) and "outside_energy" not in other.history_


def test_a_training_goes_on_from_its_checkpoint_with_attention(tmp_path):
    X, y, regions = two_signs(32)
    options = {"epochs": 3, "augment": "hflip,affine", "attention_weight": 0.5}
    whole = cnn(**options).fit(X, y, regions=regions)

    class Killed(Exception):
        pass

    def kill(row):
        if row["epoch"] == 2:
            raise Killed

    path = str(tmp_path / "state.pt")
    with pytest.raises(Killed):
        cnn(**options, checkpoint=path).fit(X, y, regions=regions, report=kill)
    seen = []
    again = cnn(**options, checkpoint=path)
    again.fit(X, y, regions=regions, report=lambda row: seen.append(row["epoch"]))
    assert seen and seen[0] > 1 and len(seen) < 3
    for name, tensor in whole.module_.state_dict().items():
        assert torch.equal(tensor, again.module_.state_dict()[name])
    left = [name for name in whole.history_ if name != "seconds"]
    assert whole.history_[left].equals(again.history_[left])
    # Other regions are another training.
    other = np.roll(regions, 8, axis=1)
    cnn(**options, checkpoint=path).fit(X, y, regions=other, report=lambda row: seen.append(row["epoch"]))
    assert seen[-3:] == [1, 2, 3]


def test_the_identity_of_a_training_without_attention_is_as_before():
    model = cnn()
    model.classes_ = np.arange(2)
    assert "attention_weight" not in settings_of(model)
    assert settings_of(model.set_params(attention_weight=0.5))["attention_weight"] == 0.5


@pytest.mark.parametrize("form", ["bool", "ones", "soft"])
def test_masks_of_every_form_mark_the_same_pixels(form):
    regions = two_signs(8)[2]
    given = {"bool": regions > 0, "ones": (regions > 0).astype(np.uint8), "soft": regions}[form]
    masks = RegionMasks.of(given, regions.shape, np.arange(8) % 2)
    assert len(masks) == 4
    assert np.array_equal(masks.batch(np.arange(8))[:, 0].numpy(), regions)
    assert masks.batch(np.array([0, 2])) is None
    assert masks.rows(np.array([1, 2])).batch(np.array([0, 1]))[:, 0].numpy().any(axis=(1, 2)).tolist() == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("params", "regions", "message"),
    [
        ({"attention_weight": -1.0}, "good", "attention_weight -1.0"),
        ({"attention_weight": float("nan")}, "good", "attention_weight nan"),
        ({"attention_weight": float("inf")}, "good", "attention_weight inf"),
        ({"attention_weight": 1.0}, None, "without regions"),
        ({"attention_weight": 1.0, "mixup": 0.2}, "good", "mixup"),
        ({"attention_weight": 1.0}, "float", "float64"),
        ({"attention_weight": 1.0}, "short", "one mask"),
    ],
)
def test_wrong_input_is_named_in_one_line(params, regions, message):
    X, y, good = two_signs(16)
    given = {"good": good, None: None, "float": good / 255.0, "short": good[:-1]}[regions]
    with pytest.raises(InputError, match=message) as error:
        cnn(epochs=1, **params).fit(X, y, regions=given)
    assert "\n" not in str(error.value)


def test_a_feature_map_of_one_cell_is_refused():
    X, y, regions = two_signs(16)
    with pytest.raises(InputError, match=r"12 x 8 pixels.*one cell"):
        cnn(size=(8, 12), attention_weight=1.0, epochs=1, kind=Coarse).fit(X, y, regions=regions)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_attention_with_other_precisions_sizes_and_averages(precision):
    X, y, regions = two_signs(24)
    params = {"augment": "affine,cutout", "ema": 0.5, "precision": precision, "attention_weight": 1.0}
    model = cnn(Dense, **params, epochs=2, size=(80, 112), first_size=0.75).fit(X, y, regions=regions)
    assert np.isfinite(model.history_[["train_loss", "outside_energy"]]).all(axis=None)


@pytest.mark.parametrize("kind", [Frozen, FrozenDense])
def test_a_frozen_network_learns_where_to_look_by_its_last_layer(kind):
    X, y, regions = two_signs(24)
    model = cnn(kind, epochs=10, attention_weight=2.0, learning_rate=0.1)
    model.fit(X, y, regions=regions, valid=(X, y))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        before = model.build(1, 1).body.state_dict()
    for name, tensor in model.module_.body.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    shares = model.history_["outside_energy"]
    assert shares.iloc[-1] < shares.iloc[0] - 0.05, shares


def test_more_than_two_classes_attend_to_their_own_evidence():
    X, y, regions = two_signs(36)
    y = np.where(y == 0, "good", np.where(np.arange(36) % 4 == 1, "scratch", "void"))
    order = {"good": 0, "scratch": 1, "void": 2}
    model = cnn(epochs=3, attention_weight=2.0).fit(X, y, valid=(X, y), regions=regions)
    assert model.classes_.tolist() == list(order)
    assert model.history_["outside_energy"].notna().all()

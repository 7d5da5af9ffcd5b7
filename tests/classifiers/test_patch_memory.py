"""Patch memory on images with a bright spot, no defect among those that it is fitted on."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from classifiers.patch_memory import PatchMemory
from classifiers.saving import load_classifier, save_classifier
from features.backbones import check_patches, load_backbone, names
from features.errors import InputError, NotRunnable
from features.extract.patches import PatchNetwork, patch_backbone

SETTINGS = {"weights": "random", "size": 64, "precision": "float32", "random_state": 0}


@pytest.fixture(scope="module")
def parts():
    """30 good images and 10 with a spot of 6 x 6 pixels, shape (40, 64, 64)."""
    rng = np.random.default_rng(0)
    images = rng.normal(100, 8, (40, 64, 64))
    for image in images[30:]:
        row, column = rng.integers(4, 54, 2)
        image[row : row + 6, column : column + 6] += 100
    return images.clip(0, 255).astype(np.uint8), np.repeat([0, 1], [30, 10])


@pytest.fixture(scope="module")
def fitted(parts):
    images, _ = parts
    return PatchMemory(**SETTINGS).fit(images[:20], np.zeros(20))


def test_spots_are_found_without_a_defect_label(fitted, parts):
    images, y = parts
    assert roc_auc_score(y[20:], fitted.decision_function(images[20:])) > 0.95
    assert set(fitted.predict(images)) <= {0, 1}


def test_defective_images_are_not_looked_at(fitted, parts):
    images, y = parts
    mixed = np.r_[0:20, 30:40]
    again = PatchMemory(**SETTINGS).fit(images[mixed], y[mixed])
    np.testing.assert_array_equal(again.decision_function(images), fitted.decision_function(images))


def test_scores_do_not_depend_on_the_batch(fitted, parts):
    images, _ = parts
    alone = np.concatenate([fitted.decision_function(image[None]) for image in images[:3]])
    np.testing.assert_allclose(alone, fitted.decision_function(images[:3]), atol=1e-4)


def test_patch_features_are_two_layers_averaged_and_joined(parts):
    backbone = load_backbone("resnet18", "random", seed=0)
    network, body = patch_backbone(backbone).module, backbone.module
    assert isinstance(network, PatchNetwork)
    x = torch.from_numpy(parts[0][:2, None].repeat(3, 1)).float() / 255
    with torch.inference_mode():
        found = network(x)
        stem = body.layer1(body.maxpool(body.relu(body.bn1(body.conv1(x)))))
        second = body.layer2(stem)
        pooled = [functional.avg_pool2d(each, 3, 1, 1) for each in (second, body.layer3(second))]
        upsampled = functional.interpolate(pooled[1], size=(8, 8), mode="bilinear")
        wanted = torch.cat([pooled[0], upsampled], 1).permute(0, 2, 3, 1)
    assert found.shape == (2, 8, 8, 128 + 256)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_score_is_that_of_the_paper(fitted, parts):
    images, _ = parts
    maps = np.concatenate(list(fitted._maps(images[28:32])))
    memory = fitted.detector_._fit_X
    plain = PatchMemory(**SETTINGS, reweight=False).fit(images[:20], np.zeros(20))
    for row, each in enumerate(maps.reshape(4, -1, maps.shape[-1])):
        distances = np.linalg.norm(each[:, None] - memory[None], axis=2)
        worst = distances.min(axis=1).argmax()
        score = distances[worst].min()
        nearest = memory[distances[worst].argmin()]
        around = memory[np.linalg.norm(memory - nearest, axis=1).argsort(kind="stable")[:9]]
        apart = np.linalg.norm(around - each[worst], axis=1)
        weight = 1 - np.exp(apart[0]) / np.exp(apart).sum()
        image = images[28 + row][None]
        np.testing.assert_allclose(
            fitted.decision_function(image) + fitted.offset_, weight * score, rtol=1e-3
        )
        np.testing.assert_allclose(plain.decision_function(image) + plain.offset_, score, rtol=1e-3)


def test_the_share_and_the_bound_set_what_is_kept(parts):
    images, _ = parts

    def kept(**settings):
        model = PatchMemory(**{**SETTINGS, "batch_size": 7, **settings}).fit(images[:20], np.zeros(20))
        return len(model.detector_._fit_X)

    assert kept(share=0.1, max_patches=None) == 128  # of 20 x 8 x 8
    assert kept(share=0.1, max_patches=500) == 50
    assert kept(share=1.0, max_patches=500) == 500
    with pytest.raises(ValueError, match="share 0: give a number above 0"):
        kept(share=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_patches": 0}, "max_patches 0: give at least 1"),
        ({"n_neighbors": 0}, "n_neighbors 0: give at least 1"),
        ({"batch_size": 0}, "batch_size 0: give at least 1"),
        ({"share": 1.5}, "share 1.5: give a number above 0 and at most 1"),
        ({"share": float("nan")}, "share nan: give a number above 0"),
    ],
)
def test_parameters_outside_their_bounds_are_refused(parts, settings, message):
    with pytest.raises(ValueError, match=message):
        PatchMemory(**{**SETTINGS, **settings}).fit(parts[0][:4], np.zeros(4))


def test_images_of_another_form_are_refused(fitted, parts):
    images, _ = parts
    with pytest.raises(InputError, match="images of type float64"):
        PatchMemory(**SETTINGS).fit(images[:4] / 255, np.zeros(4))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        PatchMemory(**SETTINGS).fit(images[:4], np.zeros(3))
    with pytest.raises(ValueError, match="1 good rows"):
        PatchMemory(**SETTINGS).fit(images[:4], [0, 1, 1, 1])
    with pytest.raises(InputError, match="empty image list"):
        fitted.decision_function(images[:0])


def test_two_equal_good_images_are_enough(parts):
    images, _ = parts
    model = PatchMemory(**{**SETTINGS, "share": 1e-6}).fit(images[[0, 0]], np.zeros(2))
    assert len(model.detector_._fit_X) == 1
    assert np.isfinite(model.decision_function(images[28:32])).all()


def test_colour_images_of_other_proportions(parts):
    images, _ = parts
    colour = np.repeat(images[:12, :48, :, None], 3, axis=3)
    model = PatchMemory(**{**SETTINGS, "size": (48, 64)}).fit(colour[:6], np.zeros(6))
    assert model.decision_function(colour).shape == (12,)


def test_what_is_saved_holds_no_network_and_needs_the_same_weights(fitted, parts, tmp_path):
    save_classifier("patchcore", fitted, tmp_path / "model")
    assert (tmp_path / "model" / "estimator.skops").stat().st_size < 1_000_000
    loaded = load_classifier(tmp_path / "model")
    np.testing.assert_array_equal(loaded.decision_function(parts[0]), fitted.decision_function(parts[0]))
    with pytest.raises(InputError, match="not those that this model was fitted with"):
        load_classifier(tmp_path / "model").set_params(random_state=1).decision_function(parts[0])


@pytest.mark.parametrize("name", names())
def test_every_backbone_gives_patches_or_is_refused_by_name(name):
    if name.startswith("vgg"):
        with pytest.raises(NotRunnable, match=f"no patch layers are known for {name}; use one of: resnet18"):
            check_patches(name)
        return
    network = patch_backbone(load_backbone(name, "random", seed=0)).module
    with torch.inference_mode():
        maps = network(torch.zeros(1, 3, 64, 64))
    assert maps.shape[:3] == (1, 8, 8) and torch.isfinite(maps).all()

"""Heat maps of every network of the registry, against the package `grad-cam`."""

import numpy as np
import pandas as pd
import pytest
import pytorch_grad_cam
import torch
from made import models, small_network
from torch import nn

import classifiers
from classifiers import maps
from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from classifiers.maps.feature_map import last_feature_map
from classifiers.maps.networks import feature_layer, network_maps
from classifiers.maps.occlusion import occlusion_maps
from features.errors import InputError
from results.metrics import localisation
from results.metrics.localisation.saved import locate

#: The designed ResNet reduces this to a map of 2 x 2.
SIDE = 96


def untrained(name, classes=2):
    """A network of the registry with the attributes of a fitted one; batch norms as they start."""
    estimator = classifiers.make_classifier(name, **{**small_network(name), "size": SIDE})
    estimator.set_params(precision="float32", weights="random")
    return fitted(estimator, classes)


def fitted(estimator, classes=2):
    estimator.classes_, estimator.n_channels_ = np.arange(classes), 1
    estimator.device_ = torch.device("cpu")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        estimator.module_ = estimator.build(1 if classes == 2 else classes, 1).eval()
    return estimator


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE), np.uint8)


@pytest.mark.parametrize("name", models("cnn"))
def test_every_network_has_a_map_of_every_method(name, pictures):
    estimator = untrained(name)
    before = {key: value.clone() for key, value in estimator.module_.state_dict().items()}
    for method in maps.names():
        whole = network_maps(estimator, pictures, method=method)
        assert whole.dtype == np.float32 and whole.ndim == 3 and len(whole) == 5
        assert np.isfinite(whole).all() and min(whole.shape[1:]) >= 2
        parts = network_maps(estimator, pictures, method=method, batch_size=2)
        np.testing.assert_allclose(parts, whole, rtol=1e-3, atol=1e-5 * max(1, np.abs(whole).max()))
    for key, value in estimator.module_.state_dict().items():
        assert torch.equal(value, before[key]), "the network was changed"
    assert all(parameter.grad is None for parameter in estimator.module_.parameters())


@pytest.fixture(scope="module", params=["resnet18_fbp", "designed_resnet", "cnn2"])
def case(request):
    return untrained(request.param)


@pytest.mark.parametrize("method", maps.names())
@pytest.mark.parametrize("code", [0, 1])
def test_raw_maps_equal_those_of_the_package_after_its_normalisation(case, method, code, pictures):
    module = case.module_
    layer = module.body.get_submodule(feature_layer(case, pictures))
    cam = getattr(pytorch_grad_cam, maps.get_method(method).package)(module, [layer])
    pixels = torch.from_numpy(pictures)[:, None].float()
    targets = [lambda output: output[0] * (2 * code - 1)] * len(pictures)
    theirs = cam(input_tensor=pixels, targets=targets)
    raw = network_maps(case, pictures, method=method, classes=code)
    ours = as_package(raw)
    if method == "eigen_cam":
        # The sign of a principal component is arbitrary.
        other = as_package(-raw)
        ours = np.stack([min(pair, key=lambda own, row=row: np.abs(own - theirs[row]).max())
                         for row, pair in enumerate(zip(ours, other, strict=True))])  # fmt: skip
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def as_package(raw):
    from pytorch_grad_cam.utils.image import scale_cam_image

    return scale_cam_image(np.maximum(scale_cam_image(np.maximum(raw, 0), (SIDE, SIDE)), 0))


def test_a_map_of_the_other_class_has_the_other_sign(case, pictures):
    for method in ("grad_cam", "hirescam"):
        good, defect = (network_maps(case, pictures, method=method, classes=code) for code in (0, 1))
        np.testing.assert_allclose(good, -defect, atol=1e-6)
        np.testing.assert_array_equal(defect, network_maps(case, pictures, method=method))


def test_hirescam_sums_to_the_decision_where_the_head_is_linear_in_the_pooled_map(pictures):
    estimator = untrained("resnet18_fbp")
    raw = network_maps(estimator, pictures, method="hirescam").sum(axis=(1, 2))
    with torch.inference_mode():
        decisions = estimator.module_(torch.from_numpy(pictures)[:, None].float())[:, 0].numpy()
    bias = float(estimator.module_.head[-1].bias.detach())
    np.testing.assert_allclose(raw + bias, decisions, rtol=1e-4, atol=1e-5)


def test_several_classes_have_a_map_each(pictures):
    estimator = untrained("resnet18_fbp", classes=3)
    found = [network_maps(estimator, pictures, classes=code) for code in range(3)]
    mixed = network_maps(estimator, pictures, classes=np.array([0, 1, 2, 0, 1]))
    for row, code in enumerate([0, 1, 2, 0, 1]):
        np.testing.assert_allclose(mixed[row], found[code][row], atol=1e-6)
    with pytest.raises(InputError, match="class code 3: give codes from 0 to 2"):
        network_maps(estimator, pictures, classes=3)


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_maps_are_computed_in_the_precision_of_the_network(precision, pictures):
    estimator = untrained("resnet18_fbp")
    exact = network_maps(estimator, pictures)
    found = network_maps(estimator.set_params(precision=precision), pictures)
    assert found.dtype == np.float32
    assert np.abs(found - exact).max() <= (0.05 if precision == "bfloat16" else 0) * np.abs(exact).max()


class CornerNetwork(ImageClassifier):
    """A network whose decision is the brightness of one known corner of the image."""

    def build(self, n_outputs, channels):
        body = nn.Sequential(nn.AvgPool2d(4), Corner(), nn.Flatten(), nn.Linear(64, 1))
        nn.init.ones_(body[-1].weight)
        nn.init.zeros_(body[-1].bias)
        head = nn.Linear(1, n_outputs)
        nn.init.ones_(head.weight)
        return BodyAndHead(body, head, 1, mean=(0.0,), std=(1.0,))


class Corner(nn.Module):
    """Only the top right corner of the map passes: rows 0 and 1, columns 6 and 7."""

    def forward(self, maps):
        passed = torch.zeros_like(maps)
        passed[:, :, :2, 6:] = maps[:, :, :2, 6:]
        return passed


def test_a_network_that_looks_at_one_corner_has_its_map_there():
    estimator = fitted(CornerNetwork(size=None, precision="float32", device="cpu"))
    bright = np.random.default_rng(0).integers(50, 200, (3, 32, 32), np.uint8)
    raw = network_maps(estimator, bright, method="hirescam")
    assert (raw[:, :2, 6:] > 0).all()
    raw[:, :2, 6:] = 0
    assert (raw == 0).all()


@pytest.mark.parametrize("method", ["grad_cam", "hirescam", "layer_cam", "occlusion"])
def test_a_network_that_looks_at_one_corner_wins_the_pointing_game_there_and_nowhere_else(method):
    estimator = fitted(CornerNetwork(size=(32, 32), precision="float32", device="cpu"))
    # Not square: swapped x and y would show.
    dark = np.random.default_rng(0).integers(0, 40, (3, 48, 80), np.uint8)
    dark[:, :12, 60:] = 200
    if method == "occlusion":
        raw = occlusion_maps(estimator.decision_function, dark)
    else:
        raw = network_maps(estimator, dark, method=method)
    corners = {"top right": (60, 0, 79, 11), "top left": (0, 0, 19, 11), "bottom left": (0, 36, 19, 47),
               "bottom right": (60, 36, 79, 47)}  # fmt: skip
    for name, (x1, y1, x2, y2) in corners.items():
        box = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "height": 48, "width": 80, "runs": []}
        for each in raw:
            window = {"window_x1": 0, "window_y1": 0, "window_x2": 80, "window_y2": 48}
            image = {**window, "height": 48, "width": 80, "map_height": each.shape[0],
                     "map_width": each.shape[1], "values": each.ravel()}  # fmt: skip
            located = locate(image, pd.DataFrame([box]))
            assert localisation.get_metric("pointing_game").compute(located) == (name == "top right"), name


def test_the_last_feature_map_is_the_last_one_before_global_pooling():
    conv = nn.Conv2d(1, 2, 3, padding=1)
    image = torch.zeros(1, 1, 8, 8)
    cases = {
        "0": nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        "1": nn.Sequential(conv, nn.ReLU(inplace=True), nn.AvgPool2d(8), nn.Flatten()),
        "2": nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        "0.0": nn.Sequential(nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(2, 2)),
    }
    for name, body in cases.items():
        assert last_feature_map(body, image) == name
    with pytest.raises(InputError, match="no layer gives a feature map"):
        last_feature_map(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), image)


def test_wrong_input_is_named(pictures):
    estimator = untrained("cnn2")
    with pytest.raises(InputError, match="no heat map method 'cam'; there are: grad_cam"):
        network_maps(estimator, pictures, method="cam")
    with pytest.raises(InputError, match="images of type float64"):
        network_maps(estimator, pictures / 255)

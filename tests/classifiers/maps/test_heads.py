"""Heat maps of heads on embeddings: exact ones of linear heads, occlusion for the others."""

import numpy as np
import pytest
import torch
from made import small_network, spots
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

import classifiers
from classifiers.maps.linear import exact_maps, linear_weights, pooled_layer, prepared
from classifiers.maps.occlusion import occlusion_maps
from features.backbones import Backbone, load_backbone
from features.errors import InputError
from features.extract.extractor import Extractor

LINEAR = {"lda": {"shrinkage": 0.5}, "lr": {}, "svm": {"kernel": "linear"}}
SIZE = 64


@pytest.fixture(scope="module")
def pictures():
    images, y = spots(24, side=SIZE)
    # Features of different scales, so that the scaler matters.
    return (images // 2 + 60 * (np.arange(24) % 3 == 0)[:, None, None]).astype(np.uint8), y


@pytest.fixture(scope="module", params=["resnet18", "efficientnet_lite0"])
def embedded(request, pictures):
    backbone = load_backbone(request.param, "random", seed=0)
    # Not by an `Extractor`: it fuses batch norms, whose rounding the large weights of an LDA multiply.
    with torch.inference_mode():
        images = prepared(backbone, pictures[0], SIZE, torch.device("cpu"))
        return backbone, backbone.module(images).double().numpy()


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("calibrated", [False, True])
def test_the_exact_map_and_the_intercept_sum_to_the_decision(name, calibrated, embedded, pictures):
    backbone, X = embedded
    images, y = pictures
    head = classifiers.make_classifier(name, **LINEAR[name]).fit(X, y)
    decisions = head.decision_function(X)
    assert np.ptp(decisions) > 0.1
    if calibrated:
        head = CalibratedClassifierCV(FrozenEstimator(head), cv=2).fit(X, y)
    weights, intercept = linear_weights(head)
    maps = exact_maps(backbone, images, {name: (weights, intercept)}, size=SIZE, batch_size=7)[name]
    assert maps.shape == (24, 2, 2) and maps.dtype == np.float32
    # Random EfficientNet embeddings hardly vary: the scaler multiplies the rounding of float32.
    rtol = 0 if backbone.name == "resnet18" else 2e-5
    np.testing.assert_allclose(maps.sum(axis=(1, 2)) + intercept, decisions, rtol=rtol, atol=1e-4)


@pytest.mark.parametrize("name", ["svm", "rf", "xgb"])
def test_other_heads_are_not_linear(name, embeddings):
    assert linear_weights(classifiers.make_classifier(name).fit(*embeddings)) is None


def test_a_head_of_several_classes_has_no_exact_map(embeddings):
    X, y = embeddings
    assert linear_weights(classifiers.make_classifier("lr").fit(X, np.arange(len(X)) % 3)) is None


@pytest.mark.parametrize("name", ["vgg16_fbp", "designed_resnet", "cnn2"])
def test_dense_embeddings_have_no_pooled_layer(name):
    estimator = classifiers.make_classifier(name, **{**small_network(name), "weights": "random"})
    estimator.classes_, estimator.n_channels_ = np.arange(2), 1
    module = estimator.build_untrained().eval()
    backbone = Backbone(name, "fine-tuned", "", module.body, module.dim, module.mean, module.std)
    image = prepared(backbone, spots(2)[0], 32, torch.device("cpu"))
    assert pooled_layer(backbone, image) is None
    with pytest.raises(InputError, match="the embedding is not a pooled feature map; use occlusion"):
        exact_maps(backbone, spots(2)[0], {}, size=32)


def test_occlusion_finds_the_pixels_that_a_score_rests_on():
    images = np.full((3, 32, 24), 90, np.uint8)
    images[:, 4:8, 18:21] = 250  # row 1, column 6 of eight

    def score(batch):
        assert len(batch) <= 10
        return batch[:, 4:8, 18:21].mean(axis=(1, 2)) / 255

    maps = occlusion_maps(score, images, batch_size=10)
    assert maps.shape == (3, 8, 8) and maps.dtype == np.float32
    for each in maps:
        assert np.unravel_index(each.argmax(), each.shape) == (1, 6)
        far = np.ones((8, 8), bool)
        far[0:3, 5:8] = False
        assert (each[far] == 0).all() and each.max() > 0.1
    assert images.max() == 250, "the images were changed"


def test_occlusion_needs_no_gradient_and_takes_any_head(embedded, pictures):
    backbone, X = embedded
    images, y = pictures
    extractor = Extractor(backbone, size=SIZE, precision="float32", device="cpu", compile=False)
    head = classifiers.make_classifier("rf", n_estimators=5, random_state=0).fit(X, y)
    maps = occlusion_maps(
        lambda batch: head.predict_proba(extractor.transform(batch))[:, 1], images[:1], cells=2
    )
    assert maps.shape == (1, 2, 2) and np.isfinite(maps).all()
    with pytest.raises(InputError, match="occlusion needs at least 8 a side"):
        occlusion_maps(lambda batch: batch[:, 0, 0], np.zeros((1, 4, 9), np.uint8))

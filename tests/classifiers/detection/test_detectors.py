"""Detectors on grey squares with a bright rectangle: what they find, save and repeat."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

import classifiers
from classifiers import detection
from classifiers.detection import training
from classifiers.detection.targets import make_targets
from classifiers.saving import load_classifier, read_card, save_classifier
from features.errors import InputError, NotRunnable

#: One size of each detector, and how it is trained until it finds the rectangles.
TRAINED = {
    # The second stage learns only once the first one proposes something.
    "faster_rcnn_resnet18": {"epochs": 20, "batch_size": 4},
    "fcos_resnet18": {"epochs": 4},
}
NAMES = tuple(TRAINED)
SIDE = 64


def rectangles(n, seed=0):
    """Grey squares, every second one with a bright rectangle: images, labels, boxes and their classes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(90, 12, (n, SIDE, SIDE)).clip(0, 255).astype(np.uint8)
    y, boxes, classes = np.arange(n) % 2, [], []
    for row in range(n):
        if not y[row]:
            boxes.append(np.zeros((0, 4)))
            classes.append(np.array([], str))
            continue
        height, width = rng.integers(14, 22, 2)
        top, left = rng.integers(2, SIDE - 24, 2)
        X[row, top : top + height, left : left + width] = 220
        boxes.append(np.array([[left, top, left + width, top + height]], float))
        classes.append(np.array(["spot"]))
    return X, y, boxes, classes


def make(name, **params):
    small = {"size": SIDE, "channels": 32, "epochs": 1, "background": 1.0, "precision": "float32"}
    return detection.make_detector(name, **{**small, "device": "cpu", **params})


def fit(detector, n=24):
    X, y, boxes, classes = rectangles(n)
    return detector.fit(X, y, boxes=boxes, classes=classes, valid=rectangles(8, seed=1))


@pytest.fixture(scope="module")
def valid():
    return rectangles(8, seed=1)


# A hundred and twenty steps of Faster R-CNN take most of a minute; tests/bench trains it for one epoch.
@pytest.fixture(
    scope="module", params=[pytest.param("faster_rcnn_resnet18", marks=pytest.mark.deep), "fcos_resnet18"]
)
def fitted(request):
    return request.param, fit(make(request.param, **TRAINED[request.param]))


def test_every_entry_is_complete_and_no_name_is_a_classifier_too():
    assert not set(detection.names()) & set(classifiers.names())
    for name in detection.names():
        spec = detection.get_spec(name)
        detector = detection.make_detector(name)
        assert spec.title and spec.summary and spec.kind == "detector"
        assert detector.architecture == spec.parameter("architecture")


def test_listing_detectors_imports_neither_torch_nor_torchvision():
    code = "import sys; from classifiers import detection; detection.names(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_batch_norms_are_trained_on_random_weights_and_kept_on_pretrained_ones(tmp_path):
    detector = make("fcos_resnet18")
    detector.box_classes_ = np.array(["spot"])
    torch.save(detector.build().body.backbone.module.body.state_dict(), tmp_path / "own.pt")
    for params, trained in (({}, True), ({"train_norms": False}, False)):
        detector.set_params(**params)
        body = detector.build().train().body.backbone.module.body
        norms = [each for each in body.modules() if isinstance(each, torch.nn.BatchNorm2d)]
        assert len(norms) == 20 and {each.training for each in norms} == {trained}
        assert {each.weight.requires_grad for each in norms} == {trained}


def test_a_bright_rectangle_is_found_after_a_few_steps(fitted, valid):
    _, detector = fitted
    X, y, boxes, _ = valid
    scores = detector.decision_function(X)
    assert scores[y == 1].min() > scores[y == 0].max()
    assert ((scores >= 0) & (scores <= 1)).all()
    near = []
    for found, box in zip(detector.detect(X), boxes, strict=True):
        assert (np.diff(found.scores) <= 0).all() and len(found.scores) <= detector.max_boxes
        if len(box):
            centre = (box[0, :2] + box[0, 2:]) / 2
            near.append(np.abs((found.boxes[0, :2] + found.boxes[0, 2:]) / 2 - centre).max() < 10)
            assert found.labels[0] == "spot" and len(found.proposals)
    assert np.mean(near) >= 0.75


def test_boxes_are_in_pixels_of_the_images_that_are_given(fitted, valid):
    _, detector = fitted
    X, _, boxes, _ = valid
    larger = np.repeat(np.repeat(X, 2, axis=1), 3, axis=2)
    (found,) = detector.detect(larger[1:2])
    inside = (found.boxes[0] / (3, 2, 3, 2))[None]
    centres = [(box[0, :2] + box[0, 2:]) / 2 for box in (inside, boxes[1])]
    assert np.abs(centres[0] - centres[1]).max() < 10


def test_a_saved_detector_has_the_same_boxes_and_no_pickle(fitted, valid, tmp_path):
    name, detector = fitted
    save_classifier(name, detector, tmp_path / "model", {"threshold": 0.25})
    loaded = load_classifier(tmp_path / "model", device="cpu")
    assert {path.suffix for path in (tmp_path / "model").iterdir()} == {".json", ".safetensors"}
    assert read_card(tmp_path / "model")["box_classes"] == ["spot"]
    for one, other in zip(detector.detect(valid[0]), loaded.detect(valid[0]), strict=True):
        for field in dataclasses.fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


@pytest.mark.parametrize("name", NAMES)
def test_a_stopped_training_goes_on_and_the_same_seed_gives_the_same_scores(
    name, valid, tmp_path, monkeypatch
):
    few = {"epochs": 3, "batch_size": 4}
    save, saved = training._save, []

    def stop(*arguments):
        save(*arguments)
        saved.append(1)
        if len(saved) == 2:
            raise KeyboardInterrupt

    path = str(tmp_path / "state.pt")
    with monkeypatch.context() as patch:
        patch.setattr(training, "_save", stop)
        with pytest.raises(KeyboardInterrupt):
            fit(make(name, checkpoint=path, **few), n=8)
    again, whole = fit(make(name, checkpoint=path, **few), n=8), fit(make(name, **few), n=8)
    assert again.history_["epoch"].tolist() == [1, 2, 3] and len(saved) == 2
    assert again.history_["train_loss"].tolist() == whole.history_["train_loss"].tolist()
    np.testing.assert_array_equal(again.decision_function(valid[0]), whole.decision_function(valid[0]))
    assert again.best_epoch_ == whole.best_epoch_


def test_no_boxes_are_one_clear_line():
    X, y, boxes, _ = rectangles(8)
    outside = [box + 1000 for box in boxes]
    for given in (None, [box[:0] for box in boxes], outside):
        with pytest.raises(NotRunnable, match=r"no usable box in 8 training images: .*give boxes"):
            make("fcos_resnet18").fit(X, y, boxes=given)


def test_wrong_input_is_one_clear_line():
    X, y, boxes, classes = rectangles(8)
    detector = make("fcos_resnet18")
    for params, words in (
        ({"boxes": boxes[:3]}, "boxes of 3 images for 8 images"),
        ({"boxes": boxes, "classes": classes[:3]}, "classes of 3 images"),
        ({"boxes": [np.zeros((1, 5))] * 8}, r"give \(k, 4\)"),
        ({"boxes": boxes, "classes": [np.array(["a", "b"])] * 8}, "give one per box"),
    ):
        with pytest.raises(InputError, match=words):
            detector.fit(X, y, **params)
    with pytest.raises(InputError, match=r"0 .good. and 1 .defective."):
        detector.fit(X, y + 1, boxes=boxes)
    with pytest.raises(InputError, match="no detector 'yolo'; there are: faster_rcnn"):
        detection.make_detector("yolo")
    with pytest.raises(InputError, match=r"detector fcos_resnet18: .*depth"):
        detection.make_detector("fcos_resnet18", depth=3)


def test_the_epoch_is_selected_on_valid_boxes_and_training_stops_early(monkeypatch):
    values = iter([0.1, 0.5, 0.5, 0.3, 0.9])
    monkeypatch.setattr(training, "_validate", lambda *arguments: (next(values), 0.5))
    detector = fit(make("fcos_resnet18", epochs=5, patience=2), n=8)
    assert detector.best_epoch_ == 2 and len(detector.history_) == 4


def test_without_valid_boxes_the_last_epoch_is_kept():
    X, y, boxes, _ = rectangles(8)
    good = (X[y == 0], y[y == 0], [box for box in boxes if not len(box)])
    detector = make("fcos_resnet18", epochs=2).fit(X, y, boxes=boxes, valid=good)
    assert detector.best_epoch_ == 2 and detector.history_["valid_map_50"].isna().all()


def test_epochs_that_find_nothing_neither_win_nor_stop_the_training(monkeypatch):
    values = iter([0.0, 0.0, 0.0, 0.2, 0.1, 0.1])
    monkeypatch.setattr(training, "_validate", lambda *arguments: (next(values), 0.5))
    detector = fit(make("fcos_resnet18", epochs=6, patience=2), n=8)
    assert detector.best_epoch_ == 4 and len(detector.history_) == 6
    monkeypatch.setattr(training, "_validate", lambda *arguments: (0.0, 0.5))
    assert fit(make("fcos_resnet18", epochs=3, patience=1), n=8).best_epoch_ == 3


def test_images_of_rare_classes_are_repeated():
    names = ["common"] * 8 + ["rare"] * 2
    boxes = [np.array([[1, 1, 9, 9.0]])] * 10 + [np.zeros((0, 4))] * 10
    classes = [np.array([name]) for name in names] + [np.array([], str)] * 10
    targets = make_targets(np.repeat([1, 0], 10), boxes, classes, (10, 10), (10, 10))
    data = training.DetectionData(np.zeros((20, 10, 10), np.uint8), targets)
    assert training.repeat_factors(targets.classes[:10], 0.8).tolist() == [1.0] * 8 + [2.0] * 2
    counts = np.bincount(data.epoch(0.5, 0, 1, 0.8), minlength=20)
    assert counts[:10].tolist() == [1] * 8 + [2] * 2 and counts[10:].sum() == 6 and counts.max() == 2
    assert np.bincount(data.epoch(0.5, 0, 1), minlength=20)[:10].tolist() == [1] * 10
    # A factor of 1.58: over the epochs, each image has its share.
    drawn = [np.bincount(data.epoch(0.0, 0, epoch, 0.5), minlength=20) for epoch in range(60)]
    assert np.mean(drawn, axis=0)[8:10] == pytest.approx([2.5**0.5] * 2, abs=0.15)
    assert {each.sum() for each in drawn} == {11, 12}
    np.testing.assert_array_equal(data.epoch(0.5, 3, 1, 0.8), data.epoch(0.5, 3, 1, 0.8))


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr("classifiers.detection.extra.find_spec", lambda name: None)
    with pytest.raises(NotRunnable, match=r"torchmetrics.*pip install 'defectbench\[detection\]'"):
        fit(make("fcos_resnet18", epochs=1), n=8)

import numpy as np
import pytest
import torch

import classifiers
from classifiers import make_classifier
from classifiers.cnn.training.progressive import image_sizes, relative_cost
from features.errors import InputError


def test_sizes_grow_to_the_full_size_in_three_quarters_of_the_epochs():
    sizes = image_sizes((160, 96), 0.5, 8)
    assert sizes[0] == (80, 48)
    assert sizes[6:] == [(160, 96)] * 2
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("size", [(8, 8), (30, 20), (267, 275)])
@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_no_epoch_has_larger_images_than_the_full_size(size, epochs):
    for height, width in image_sizes(size, 0.3, epochs):
        assert 1 <= height <= size[0] and 1 <= width <= size[1]


def test_a_share_of_one_keeps_any_size():
    assert image_sizes((267, 275), 1.0, 3) == [(267, 275)] * 3
    assert relative_cost((267, 275), 1.0, 3) == 1


@pytest.mark.parametrize("first", [0, -1, 1.5, float("nan")])
def test_a_share_outside_0_to_1_is_one_clear_line(first):
    with pytest.raises(InputError, match="first_size"):
        image_sizes((64, 64), first, 3)


def test_training_sees_small_images_first_and_validation_full_ones(monkeypatch):
    seen = []
    X = np.random.default_rng(0).integers(0, 256, (12, 64, 48), np.uint8)
    y = np.arange(12) % 2
    model = make_classifier("resnet18_fbp", size=None, first_size=0.5, epochs=4, device="cpu", augment="none")
    build = model.build

    def watched(*args):
        module = build(*args)
        module.register_forward_pre_hook(
            lambda module, inputs: seen.append((module.training, *inputs[0].shape[2:]))
        )
        return module

    monkeypatch.setattr(model, "build", watched)
    model.fit(X, y, valid=(X[:4], y[:4]))
    assert list(dict.fromkeys(s[1:] for s in seen if s[0])) == [(32, 16), (32, 32), (48, 32), (64, 48)]
    assert {s[1:] for s in seen[1:] if not s[0]} == {(64, 48)}
    assert torch.isfinite(torch.tensor(model.predict_proba(X))).all()


# One model of each class: VGG-16 and VGG-19 differ in depth only.
_ONE_OF_EACH = {
    type(make_classifier(name)): name for name in reversed(classifiers.names("cnn")) if "vgg19" not in name
}


@pytest.mark.parametrize("name", sorted(_ONE_OF_EACH.values()))
def test_every_network_takes_small_images_first_or_says_in_one_line_that_it_cannot(name):
    X = np.random.default_rng(0).integers(0, 256, (8, 64, 64), np.uint8)
    y = np.arange(8) % 2
    model = make_classifier(name, size=64, first_size=0.5, epochs=2, weights="random", device="cpu")
    try:
        model.fit(X, y, valid=(X, y))
    except InputError as error:
        assert "set first_size = 1" in str(error)
    else:
        assert len(model.history_) == 2

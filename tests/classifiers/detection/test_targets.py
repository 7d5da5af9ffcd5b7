"""Boxes before training: what is mended, dropped and counted, and how augmentation moves them."""

import numpy as np
import pytest
import torch

from classifiers.detection import targets
from classifiers.detection.augment import augment
from classifiers.detection.targets import make_targets


def test_every_kind_of_box_is_counted():
    inside = [10, 5, 30, 15]
    boxes = [
        [inside],
        [[30, 15, 10, 5]],  # swapped corners
        [[-5, 5, 30, 15]],  # clipped
        [[200, 5, 300, 15]],  # outside
        [[10, 5, 10, 15]],  # without area
        [[np.nan, 5, 30, 15], inside],
        np.zeros((0, 4)),
        [inside],
        np.zeros((0, 4)),
    ]
    y = np.array([1, 1, 1, 1, 1, 1, 1, 0, 0])
    found = make_targets(y, [np.array(each, float) for each in boxes], None, (20, 100), (40, 50))
    assert found.boxed.tolist() == [True, True, True, False, False, True, False, False, False]
    assert found.good.tolist() == [False] * 7 + [True] * 2
    # Half as wide, twice as high.
    assert found.boxes[0].tolist() == [[5, 10, 15, 30]] == found.boxes[1].tolist()
    assert found.boxes[2].tolist() == [[0, 10, 15, 30]] and len(found.boxes[5]) == 1
    assert found.counts == {
        targets.GOOD: 2,
        targets.BOXED: 4,
        targets.UNBOXED: 3,
        targets.ON_GOOD: 1,
        targets.SWAPPED: 1,
        targets.CLIPPED: 1,
        targets.OUTSIDE: 1,
        targets.FLAT: 1,
        targets.MISSING: 1,
    }


def test_classes_follow_their_boxes():
    boxes = [np.array([[0, 0, 0, 5], [1, 1, 5, 5.0]])]
    found = make_targets(np.array([1]), boxes, [np.array(["a", "b"])], (10, 10), (10, 10))
    assert found.classes[0].tolist() == ["b"]
    plain = make_targets(np.array([1]), boxes, None, (10, 10), (10, 10))
    assert plain.classes[0].tolist() == [targets.DEFECT]


@pytest.mark.parametrize("flips", [True, False])
def test_boxes_move_with_their_images(flips):
    images = torch.full((16, 1, 60, 80), 20.0)
    box = torch.tensor([[30.0, 12, 52, 30]])
    images[:, :, 12:30, 30:52] = 200
    moved, boxes, kept = augment(images, [box] * 16, torch.Generator().manual_seed(0), flips=flips)
    assert all(each.all() for each in kept)
    places = []
    for image, (found,) in zip(moved, boxes, strict=True):
        middle = (image.max() + image.min()) / 2
        y, x = torch.nonzero(image[0] > middle, as_tuple=True)
        around = torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1]).float()
        assert (around - found).abs().max() < 1.5
        places.append(found[0].item())
    assert np.std(places) > 0.5


def test_a_box_that_is_moved_out_is_dropped_and_the_others_are_clipped():
    images = torch.zeros(64, 1, 40, 40)
    boxes = [torch.tensor([[0.0, 0, 1.2, 8], [0, 0, 20, 20]])] * 64
    _, found, kept = augment(images, boxes, torch.Generator().manual_seed(1))
    assert not all(each[0] for each in kept) and all(each[1] for each in kept)
    for each, stays in zip(found, kept, strict=True):
        assert len(each) == stays.sum()
        assert each.min() >= 0 and each.max() <= 40 and (each[:, 2:] > each[:, :2]).all()

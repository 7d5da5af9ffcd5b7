"""Every localisation metric against plain loops, and what it gives for maps whose answer is known."""

import itertools
import math

import numpy as np
import pytest

from results.metrics import localisation
from results.metrics.localisation.base import Located
from results.metrics.localisation.baselines import CENTRE, RANDOM, UNIFORM, applies, baseline
from results.metrics.localisation.overlap import choose_threshold, per_region_overlap
from results.metrics.localisation.saved import enlarge


def located(heat, *boxes, **options):
    """A map and boxes x1, y1, x2, y2."""
    heat = np.asarray(heat, np.float32)
    regions = np.zeros((len(boxes), *heat.shape), bool)
    for region, (x1, y1, x2, y2) in zip(regions, boxes, strict=True):
        region[y1 : y2 + 1, x1 : x2 + 1] = True
    return Located(heat, regions, np.array(boxes, float).reshape(-1, 4), **options)


@pytest.fixture
def cases():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(20):
        heat = rng.normal(size=(40, 70)).round(1)
        corners = [np.sort(rng.choice(side, 2, replace=False)) for side in (70, 40, 70, 40)]
        boxes = [(x[0], y[0], x[1], y[1]) for x, y in (corners[:2], corners[2:])]
        found.append(located(heat, *boxes[: rng.integers(1, 3)], threshold=float(rng.uniform(0.2, 0.9))))
    return found


def slow(name, each):
    """The metric by loops over pixels."""
    height, width = each.heat.shape
    pixels = [(y, x) for y in range(height) for x in range(width)]
    inside = {
        (y, x) for y, x in pixels if any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in each.boxes)
    }
    top = each.heat.max()
    peaks = [pixel for pixel in pixels if each.heat[pixel] == top]
    positive = {pixel: max(float(each.heat[pixel]), 0) for pixel in pixels}
    share = sum(positive[pixel] for pixel in inside) / sum(positive.values())
    if name == "pointing_game":
        return np.mean([pixel in inside for pixel in peaks])
    if name == "energy_inside":
        return share
    if name == "energy_lift":
        return share / (len(inside) / len(pixels))
    if name == "peak_distance":
        return np.mean([min(math.dist(pixel, other) for other in inside) for pixel in peaks])
    if name == "centre_distance":
        centres = [((y1 + y2) / 2, (x1 + x2) / 2) for x1, y1, x2, y2 in each.boxes]
        return np.mean([min(math.dist(pixel, other) for other in centres) for pixel in peaks])
    if name == "iou":
        marked = {pixel for pixel in pixels if positive[pixel] >= each.threshold * top}
        return len(marked & inside) / len(marked | inside)
    assert name == "peaks_at_border"
    return np.mean([min(y, x, height - 1 - y, width - 1 - x) < 30 for y, x in peaks])


@pytest.mark.parametrize("name", localisation.names())
def test_every_metric_equals_plain_loops(name, cases):
    metric = localisation.get_metric(name)
    for each in cases:
        assert metric.compute(each) == pytest.approx(slow(name, each), rel=1e-4, abs=1e-6)
    assert metric.title and metric.unit in ("", "%", "px")


def test_x_and_y_are_not_swapped():
    heat = np.zeros((40, 100))
    heat[5, 90] = 1  # y 5, x 90: the top right corner
    hit = {
        "pointing_game": 1,
        "peak_distance": 0,
        "energy_inside": 1,
        "energy_lift": 4000 / 200,
        "iou": 1 / 200,
    }
    for name, value in hit.items():
        compute = localisation.get_metric(name).compute
        assert compute(located(heat, (80, 0, 99, 9))) == pytest.approx(value)
        for other in ((0, 80, 0, 99), (0, 30, 19, 39), (80, 30, 99, 39), (0, 0, 19, 9)):
            if other[3] < 40 and name in ("pointing_game", "energy_inside", "iou"):
                assert compute(located(heat, other)) == 0
    distance = localisation.get_metric("peak_distance").compute
    assert distance(located(heat, (80, 25, 99, 39))) == 20
    assert localisation.get_metric("centre_distance").compute(located(heat, (80, 5, 96, 5))) == 2


def test_a_map_without_positive_evidence_has_no_energy_and_no_overlap():
    each = located(np.full((8, 8), -1.0) - np.arange(64).reshape(8, 8), (0, 0, 3, 3))
    found = {name: localisation.get_metric(name).compute(each) for name in localisation.names()}
    assert found["energy_inside"] == found["energy_lift"] == found["iou"] == 0
    assert found["pointing_game"] == 1, "the least cold pixel is the hottest"


def test_a_uniform_map_is_the_exact_expectation_over_a_random_point(cases):
    for each in cases[:5]:
        flat = baseline(RANDOM, each)
        area = each.inside.mean()
        assert localisation.get_metric("pointing_game").compute(flat) == pytest.approx(area)
        assert localisation.get_metric("energy_inside").compute(flat) == pytest.approx(area)
        assert localisation.get_metric("energy_lift").compute(flat) == pytest.approx(1)
        assert localisation.get_metric("iou").compute(flat) == pytest.approx(area)
        for name in ("peak_distance", "centre_distance", "peaks_at_border"):
            assert localisation.get_metric(name).compute(flat) == pytest.approx(slow(name, flat), rel=1e-5)


def test_the_centre_point_is_in_the_middle():
    for shape, expected in (((5, 5), {(2, 2)}), ((4, 6), {(1, 2), (1, 3), (2, 2), (2, 3)})):
        guess = baseline(CENTRE, located(np.zeros(shape)))
        assert set(zip(*guess.peaks, strict=True)) == expected
    metrics = [localisation.get_metric(name) for name in localisation.names()]
    assert {m.name for m in metrics if applies(UNIFORM, m)} == {"energy_inside", "energy_lift", "iou"}


def test_the_border_is_that_of_the_whole_image():
    heat = np.zeros((60, 60))
    heat[5, 30] = 1
    border = localisation.get_metric("peaks_at_border").compute
    assert border(located(heat)) == 1
    assert border(located(heat, offset=(50, 50), size=(160, 160))) == 0


def test_the_threshold_is_that_of_the_best_overlap(cases):
    peaked = np.zeros((20, 20))
    peaked[4:8, 4:8] = 1
    peaked[10:14, 10:14] = 0.6
    assert choose_threshold([located(peaked, (4, 4, 7, 7))]) > 0.6
    both = located(peaked, (4, 4, 7, 7), (10, 10, 13, 13))
    assert choose_threshold([both]) <= 0.6 and choose_threshold(iter([])) == 0.5
    best = max(np.arange(1, 20) / 20, key=lambda t: np.mean(
        [slow("iou", Located(e.heat, e.regions, e.boxes, threshold=t)) for e in cases[:4]]))  # fmt: skip
    assert choose_threshold(cases[:4]) == pytest.approx(best)


def slow_overlap(maps, limit=0.3):
    """The curve at every value that occurs, by loops."""
    values = sorted({float(v) for each in maps for v in each.heat.ravel()}, reverse=True)
    points = [(0.0, 0.0)]
    for value in values:
        false = sum(int(((each.heat >= value) & ~each.inside).sum()) for each in maps)
        negatives = sum(int((~each.inside).sum()) for each in maps)
        shares = [(each.heat[region] >= value).mean() for each in maps for region in each.regions]
        points.append((false / negatives, float(np.mean(shares))))
    area = 0.0
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        if x >= limit:
            break
        if to_x > limit:
            to_y, to_x = y + (to_y - y) * (limit - x) / (to_x - x), limit
        area += (to_x - x) * (y + to_y) / 2
    return area / limit


def test_the_overlap_of_regions_equals_a_slow_plain_way(cases):
    good = located(np.random.default_rng(1).normal(size=(40, 70)).round(1))
    for maps in (cases[:3], [*cases[3:5], good], cases[:1]):
        found = per_region_overlap(maps)
        assert 0 <= found <= 1 and found == pytest.approx(slow_overlap(maps), abs=1e-6)


def test_the_overlap_of_regions_stays_within_0_and_1():
    heat = np.zeros((30, 30))
    perfect = located(heat, (2, 2, 4, 4), (20, 20, 20, 20))
    perfect.heat[perfect.inside] = 1
    assert per_region_overlap([perfect]) == pytest.approx(1)
    assert per_region_overlap([located(-perfect.heat, (2, 2, 4, 4), (20, 20, 20, 20))]) == pytest.approx(
        0, abs=0.15
    )
    assert per_region_overlap([located(heat + 3, (2, 2, 4, 4))]) == pytest.approx(0.15)
    assert math.isnan(per_region_overlap([located(heat)]))
    assert math.isnan(per_region_overlap([located(heat, (0, 0, 29, 29))]))
    rng = np.random.default_rng(0)
    for _ in range(30):
        one = located(rng.integers(0, 3, (9, 9)), (0, 0, rng.integers(1, 8), rng.integers(1, 8)))
        assert 0 <= per_region_overlap([one]) <= 1


def test_maps_are_enlarged_as_torch_enlarges_them():
    import torch
    from torch.nn import functional

    heat = np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32)
    for height, width in ((40, 21), (267, 275), (4, 7), (9, 70)):
        theirs = functional.interpolate(torch.from_numpy(heat)[None, None], (height, width), mode="bilinear")
        np.testing.assert_allclose(enlarge(heat, height, width), theirs[0, 0].numpy(), atol=1e-5)
    assert (enlarge(np.array([[2.0]]), 5, 3) == 2).all()

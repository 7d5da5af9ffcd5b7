"""The crossing of two learning curves and its interval, on learners whose curves are known."""

from dataclasses import replace

import learners as made
import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from results.curves import crossing_of, extrapolate
from results.curves.crossing import isotonic
from results.curves.learner import draw_weights, image_weights, influence
from results.curves.summary import crossing_words


def covered(simulations, replicates, crossing=600.0):
    """Share of simulations whose interval holds the crossing in the population."""
    hits = 0
    for seed in range(simulations):
        head, network = made.learners(seed, crossing, slope=0.04)
        found = crossing_of(head, network, replicates=replicates, seed=seed)
        hits += found.low <= crossing <= found.high
    return hits / simulations


def test_the_interval_covers_a_known_crossing():
    assert covered(30, 250) >= 0.83


@pytest.mark.deep
@pytest.mark.parametrize("crossing", [400.0, 600.0, 1000.0])
def test_the_interval_covers_a_known_crossing_as_often_as_it_says(crossing):
    assert 0.90 <= covered(200, 1000, crossing) <= 0.98


def test_a_steep_crossing_is_found_where_it_is():
    head, network = made.learners(1, 600.0, slope=0.1, spread=0.02, defects=1500, good=1500)
    found = crossing_of(head, network, replicates=300)
    assert found.crosses and found.low < found.at < found.high
    assert found.at == pytest.approx(600, rel=0.15) and found.high / found.low < 1.6
    assert crossing_of(head, network, replicates=300) == found
    words = crossing_words(found)
    assert "passes simulated head at about" in words and "beyond" not in words and "below" not in words


@pytest.mark.parametrize(
    ("crossing", "said"), [(30.0, "the network is ahead"), (60_000.0, "the head is ahead")]
)
def test_curves_that_do_not_cross_are_said_not_to(crossing, said):
    head, network = made.learners(0, crossing, slope=0.06, spread=0.02, defects=1500, good=1500)
    found = crossing_of(head, network, replicates=300)
    assert not found.crosses
    words = crossing_words(found)
    assert f"{said} at every size, so the crossing is not within these data" in words
    assert ("below 160" if crossing < 100 else "beyond 1,968") in words


def test_data_that_cannot_place_the_crossing_say_so():
    head, network = made.learners(3, 600.0, slope=0.0, spread=0.5, defects=20, good=20)
    found = crossing_of(head, network)
    assert found.low == 0 and found.high == np.inf
    assert "cannot place the crossing" in crossing_words(found)


def test_sizes_that_one_row_lacks_are_left_out():
    head, network = made.learners(0, 600.0)
    few = replace(network, scores={size: network.scores[size] for size in (512, 1024)})
    found = crossing_of(head, few)
    assert (found.smallest, found.largest) == (640.0, 1280.0)
    assert crossing_of(head, replace(network, scores={512: network.scores[512]})) is None


def test_one_draw_of_each_size_leaves_the_chance_of_the_test_images():
    head, network = made.learners(0, 600.0, draws=(1, 1), slope=0.1)
    found = crossing_of(head, network)
    assert found.low < found.at < found.high


def test_groups_of_test_images_widen_the_interval():
    head, network = made.learners(0, 600.0, slope=0.1, spread=0.02, defects=200, good=200)
    of = np.repeat(np.arange(20), 20).astype(str)
    widths = []
    for groups in (None, of):
        found = crossing_of(replace(head, groups=groups), replace(network, groups=groups))
        widths.append(found.difference_high - found.difference_low)
    assert widths[1] > 0 and widths[0] > 0 and widths[0] != widths[1]


def test_the_influence_of_images_is_that_of_leaving_them_out():
    rng = np.random.default_rng(0)
    y = (np.arange(60) % 3 == 0).astype(int)
    score = np.round(rng.normal(size=60) + y, 1)
    auc, values = influence(y, score)
    assert auc == pytest.approx(roc_auc_score(y, score))
    for label in (0, 1):
        assert values[y == label].sum() == pytest.approx(0, abs=1e-12)
    count = np.bincount(y)[y[4]]
    without = roc_auc_score(np.delete(y, 4), np.delete(score, 4))
    weights = np.where(y == y[4], count / (count - 1), 1.0)
    weights[4] = 0
    assert auc + weights @ values == pytest.approx(without)
    assert np.isnan(influence(np.ones(3, int), np.arange(3.0))[0])


def test_the_bootstrap_of_the_areas_is_that_of_the_images():
    rng = np.random.default_rng(0)
    y = (np.arange(300) % 3 == 0).astype(int)
    score = rng.normal(size=300) + y
    auc, values = influence(y, score)
    weights = image_weights(y, None, 150, rng)
    exact = [roc_auc_score(y, score, sample_weight=weight) for weight in weights]
    assert np.corrcoef(exact, auc + weights @ values)[0, 1] > 0.99


def test_weights_of_draws_have_the_spread_of_students_interval():
    weights = draw_weights([[0, 1, 2, 3, 4], [7]], 4000, np.random.default_rng(0))
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    means = sum(weights[draw] * value for draw, value in enumerate(values)) / 5
    student = 2.776 * values.std(ddof=1) / np.sqrt(5)
    assert 1.96 * means.std() == pytest.approx(student, rel=0.05)
    assert (weights[7] == 1).all()


def test_isotonic_rows_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=(20, 6)), rng.random(6) + 0.1
    expected = [
        IsotonicRegression().fit_transform(np.arange(6), row, sample_weight=weights) for row in values
    ]
    assert np.allclose(isotonic(values, weights), expected)


def test_an_extrapolation_covers_what_more_data_give():
    hits = 0
    for seed in range(12):
        head, _ = made.learners(seed, defects=600, good=900)
        found = extrapolate(head, replicates=200, seed=seed)
        assert found.passes == bool(found.further)
        if found.passes:
            truth = made.head_auc(np.array([each.labels for each in found.further]))
            hits += all(e.low <= t <= e.high for e, t in zip(found.further, truth, strict=True))
            assert [each.labels for each in found.further] == [2 * 1967.5, 4 * 1967.5]
    assert hits >= 8


def test_a_test_that_any_area_passes_is_none():
    head, _ = made.learners(0, draws=(2, 2), defects=20, good=20, spread=1.0)
    found = extrapolate(head, replicates=200)
    assert found.test.low >= 0 and found.test.high <= 1 and found.test.high - found.test.low > 0.1
    assert not found.says_something and not found.passes and not found.further


def test_a_curve_that_turns_is_not_extrapolated():
    head, _ = made.learners(0, spread=0.02, defects=3000, good=3000)
    good, bad = head.scores[1574][0], head.scores[128][0]
    turned = replace(head, scores={**head.scores, 1574: {0: 0.3 * good + bad}})
    found = extrapolate(turned)
    assert not found.passes and not found.further
    assert extrapolate(replace(head, scores={s: head.scores[s] for s in (128, 256, 512)})) is None

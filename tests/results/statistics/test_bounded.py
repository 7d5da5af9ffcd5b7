import numpy as np
import pytest
from scipy.stats import norm

from results.statistics import (
    auc_interval,
    average_precision_interval,
    decision_intervals,
    effective_size,
    mean_interval,
    proportion_interval,
    score_auc_interval,
    wilson_interval,
)


@pytest.mark.parametrize("m, n", [(2, 2), (5, 5), (3, 40), (200, 100)])
def test_the_interval_of_an_area_of_one_or_zero_has_a_width(m, n):
    y = np.repeat([0, 1], [n, m])
    low, high = auc_interval(y, np.arange(m + n, dtype=float))
    assert high == 1.0 and 0.2 < low < 1 - 1 / (2 * m * n)
    mirrored = auc_interval(y, -np.arange(m + n, dtype=float))
    assert mirrored == pytest.approx((0.0, 1 - low))


def test_the_interval_of_equal_scores_has_a_width():
    low, high = auc_interval(np.repeat([0, 1], 10), np.ones(20))
    assert low < 0.4 and high > 0.6


def covered(n_good, n_defects, auc, simulations, seed=0):
    shift, rng = np.sqrt(2) * norm.ppf(auc), np.random.default_rng(seed)
    y = np.repeat([0, 1], [n_good, n_defects])
    intervals = (auc_interval(y, rng.normal(size=len(y)) + shift * y) for _ in range(simulations))
    return np.mean([low <= auc <= high for low, high in intervals])


@pytest.mark.parametrize("n_good, n_defects, auc", [(14, 10, 0.98), (10, 14, 0.98), (30, 8, 0.95)])
def test_intervals_near_an_area_of_one_cover_the_truth(n_good, n_defects, auc):
    assert covered(n_good, n_defects, auc, 400) >= 0.92


@pytest.mark.deep
@pytest.mark.parametrize("sizes", [(14, 10), (5, 5), (30, 10), (100, 10), (50, 50), (300, 30)])
@pytest.mark.parametrize("auc", [0.7, 0.9, 0.95, 0.98, 0.995])
def test_intervals_of_areas_cover_the_truth_at_many_sizes(sizes, auc):
    assert covered(*sizes, auc, 2000) >= 0.92


def test_one_image_of_a_class_leaves_nearly_everything_open():
    low, high = score_auc_interval(1.0, 1, 3)
    assert high == 1 and low < 0.5


@pytest.mark.parametrize(
    "confusion", [(5, 0, 0, 5), (0, 5, 5, 0), (900, 0, 6, 0), (1, 0, 0, 1), (9, 1, 0, 3)]
)
def test_intervals_of_decisions_have_a_width_at_perfection_and_at_zero(confusion):
    tn, fp, fn, tp = confusion
    figures = {
        "f1": 2 * tp / (2 * tp + fp + fn),
        "balanced_accuracy": (tn / (tn + fp) + tp / (tp + fn)) / 2,
    }
    for name, (low, high) in decision_intervals(confusion).items():
        assert 0 <= low <= figures[name] <= high <= 1 and high - low > 0.002


def test_the_interval_of_a_perfect_average_precision_has_a_width():
    y = np.repeat([0, 1], 5)
    low, high = average_precision_interval(y, np.arange(10.0))
    assert low < 0.7 and high == 1.0
    low, high = average_precision_interval(y, np.ones(10))
    assert low < 0.4 and high > 0.6


def test_proportions_and_means_have_a_width_at_zero_and_one():
    assert wilson_interval(0, 20)[0] == 0 and wilson_interval(0, 20)[1] > 0.1
    assert wilson_interval(20, 20)[1] == 1 and wilson_interval(20, 20)[0] < 0.9
    for groups in (None, np.arange(20) // 4):
        low, high = proportion_interval(np.ones(20, bool), groups)
        assert low < 0.9 and high == 1
        low, high = mean_interval(np.zeros(20), groups)
        assert low == 0 and high > 0.1
    assert mean_interval(np.array([0.25])) != (0.25, 0.25)
    assert mean_interval(np.array([])) == (0.0, 1.0)


def test_the_interval_of_a_mean_is_students_where_it_keeps_within_bounds():
    values = np.random.default_rng(0).uniform(0.2, 0.6, 50)
    low, high = mean_interval(values)
    reach = 2.0096 * values.std(ddof=1) / np.sqrt(50)
    assert (low, high) == pytest.approx((values.mean() - reach, values.mean() + reach), abs=1e-4)


def test_images_of_one_group_count_as_one_where_they_agree():
    hits = np.repeat(np.arange(40) % 2, 5)
    groups = np.repeat(np.arange(40), 5)
    assert 30 < effective_size(hits, groups) <= 40
    assert effective_size(hits, None) == effective_size(hits, np.arange(200)) == 200
    wide, narrow = (proportion_interval(hits, each) for each in (groups, None))
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])
    # Groups whose images differ as much as those of different groups cost little.
    mixed = np.random.default_rng(0).permutation(hits)
    assert effective_size(mixed, groups) > 110

import numpy as np
import pytest
from scipy.stats import norm

from results.statistics import auc_interval, best_group, compare_pairs, delong_test, mcnemar_test
from results.statistics.delong import areas_of, auc_covariance


def clustered(rng, groups, per_group, shift=1.5, share=0.7, models=1):
    """Groups of one class each whose images share most of what makes their score."""
    y = np.repeat(np.arange(groups) % 2, per_group)
    codes = np.repeat(np.arange(groups), per_group)
    noise = [
        np.sqrt(share) * rng.normal(size=groups)[codes] + np.sqrt(1 - share) * rng.normal(size=len(codes))
        for _ in range(models)
    ]
    return y, [each + shift * y for each in noise], codes


def test_groups_of_one_image_give_delongs_covariance():
    y, scores, _ = clustered(np.random.default_rng(0), 60, 1, models=3)
    alone, grouped = (auc_covariance(y, np.stack(scores), groups) for groups in (None, np.arange(60)))
    np.testing.assert_allclose(alone[0], grouped[0])
    np.testing.assert_allclose(alone[1], grouped[1], atol=1e-12)


def test_obuchowskis_variance_by_its_definition():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 12, 80)
    y = (rng.random(80) < 0.4).astype(int)
    score = (rng.normal(size=80) + y + rng.normal(size=12)[codes]).round(1)
    kernel = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (score[y == 1][:, None] == score[y == 0])
    m, n, auc = y.sum(), (1 - y).sum(), kernel.mean()
    v10, v01 = kernel.mean(axis=1), kernel.mean(axis=0)
    found = [0.0, 0.0, 0.0]
    for group in range(12):
        p = (v10[codes[y == 1] == group] - auc).sum()
        q = (v01[codes[y == 0] == group] - auc).sum()
        found = [found[0] + p * p, found[1] + q * q, found[2] + p * q]
    i10, i01 = len(set(codes[y == 1])), len(set(codes[y == 0]))
    total = len(set(codes))
    expected = (
        i10 / (i10 - 1) * found[0] / m**2 + i01 / (i01 - 1) * found[1] / n**2
        + 2 * total / (total - 1) * found[2] / (m * n)
    )  # fmt: skip
    assert areas_of(y, score, codes).covariance[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize("groups, per_group", [(12, 8), (60, 5)])
def test_intervals_under_a_group_split_cover_the_truth(groups, per_group):
    rng, truth = np.random.default_rng(3), norm.cdf(1.5 / np.sqrt(2))
    covered = []
    for _ in range(200):
        y, (score,), codes = clustered(rng, groups, per_group)
        found = (auc_interval(y, score, groups=each) for each in (codes, None))
        covered.append([low <= truth <= high for low, high in found])
    with_groups, without = np.mean(covered, axis=0)
    # What ignores the groups covers far less often than it says.
    assert with_groups >= 0.90 and without < with_groups - 0.1


def test_images_saved_twice_count_once():
    rng = np.random.default_rng(0)
    y, score = rng.integers(0, 2, 80), rng.normal(size=80)
    once = auc_interval(y, score)
    twice = auc_interval(np.tile(y, 2), np.tile(score, 2), groups=np.tile(np.arange(80), 2))
    naive = auc_interval(np.tile(y, 2), np.tile(score, 2))
    assert twice[1] - twice[0] == pytest.approx(once[1] - once[0], rel=0.15)
    assert naive[1] - naive[0] < 0.8 * (once[1] - once[0])


@pytest.mark.parametrize("groups, per_group", [(12, 8), (60, 5)])
def test_paired_tests_under_a_group_split_hold_their_level(groups, per_group):
    rng = np.random.default_rng(4)
    wrong = []
    for _ in range(200):
        y, (a, b), codes = clustered(rng, groups, per_group, models=2)
        right = [(score > 0.75) == y for score in (a, b)]
        wrong.append([
            delong_test(y, a, b, codes)[1] < 0.05, delong_test(y, a, b)[1] < 0.05,
            mcnemar_test(*right, groups=codes) < 0.05, mcnemar_test(*right) < 0.05,
        ])  # fmt: skip
    delong, ignoring, mcnemar, ignoring_too = np.mean(wrong, axis=0)
    assert delong <= 0.09 and mcnemar <= 0.09
    assert ignoring > 0.15 and ignoring_too > 0.15


def test_comparisons_take_groups():
    y, scores, codes = clustered(np.random.default_rng(5), 20, 6, models=3)
    named = dict(zip("abc", scores, strict=True))
    calls = {name: (score > 0.75).astype(int) for name, score in named.items()}
    alone, grouped = (compare_pairs(y, named, calls, groups=each) for each in (None, codes))
    assert (grouped["delong_p"] > alone["delong_p"]).all()
    assert set(best_group(y, named)) <= set(best_group(y, named, groups=codes))


def test_one_group_of_a_class_has_no_variance():
    y, (score,), codes = clustered(np.random.default_rng(6), 3, 5)
    with pytest.raises(ValueError, match="1 groups with positive"):
        auc_interval(y, score, groups=codes)

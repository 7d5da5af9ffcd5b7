import numpy as np
import pytest

from results.statistics import best_group, delong_test


def equal_models(rng, n_good, n_defects, models, share, shift=1.0):
    y = np.repeat([0, 1], [n_good, n_defects])
    common = rng.normal(size=len(y))
    return y, {
        str(number): np.sqrt(share) * common + np.sqrt(1 - share) * rng.normal(size=len(y)) + shift * y
        for number in range(models)
    }


def share_that_excludes_one(simulations, *kind, seed=0):
    rng = np.random.default_rng(seed)
    found = (equal_models(rng, *kind) for _ in range(simulations))
    return np.mean([len(best_group(y, scores)) < len(scores) for y, scores in found])


def test_equal_models_are_rarely_excluded():
    # 60 simulations: more than 8 happen with a probability below 1 in 1,000 at a level of 5%.
    assert share_that_excludes_one(60, 60, 40, 20, 0.5) <= 8 / 60


@pytest.mark.deep
@pytest.mark.parametrize(
    "kind", [(451, 205, 20, 0.8), (60, 40, 20, 0.5), (14, 10, 20, 0.5), (90, 10, 5, 0.0)]
)
def test_a_member_of_twenty_equal_models_is_excluded_in_at_most_5_percent_of_1000_simulations(kind):
    error = 1.96 * np.sqrt(0.05 * 0.95 / 1000)
    assert share_that_excludes_one(1000, *kind) <= 0.05 + error


def test_clearly_worse_models_are_excluded_among_many():
    y, scores = equal_models(np.random.default_rng(1), 300, 200, 20, 0.5, shift=1.5)
    rng = np.random.default_rng(2)
    poor = {f"poor {number}": rng.normal(size=500) + 0.2 * y for number in range(10)}
    found = best_group(y, {**poor, **scores})
    assert not set(poor) & set(found) and len(found) >= 18


def test_the_group_repeats_and_ignores_the_order_of_the_models():
    y, scores = equal_models(np.random.default_rng(3), 60, 40, 6, 0.3)
    turned = dict(reversed(scores.items()))
    assert best_group(y, scores) == best_group(y, scores)
    assert set(best_group(y, scores)) == set(best_group(y, turned))


def test_differences_without_variance_are_judged_by_the_number_of_images():
    few, many = np.repeat([0, 1], 2), np.repeat([0, 1], 10)
    for y, excluded in ((few, False), (many, True)):
        scores = {"perfect": y.astype(float), "equal": np.ones(len(y)), "perfect too": 2.0 * y}
        assert ("equal" not in best_group(y, scores)) == excluded
        assert {"perfect", "perfect too"} <= set(best_group(y, scores))
        assert (delong_test(y, scores["perfect"], scores["equal"])[1] < 0.05) == excluded


def test_one_model_or_none_is_its_own_group():
    y = np.repeat([0, 1], 5)
    assert best_group(y, {}) == [] and best_group(y, {"a": np.arange(10.0)}) == ["a"]

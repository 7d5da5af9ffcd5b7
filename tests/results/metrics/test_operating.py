import numpy as np
import pytest
from scipy.stats import norm

from results import metrics
from results.metrics import Scored
from results.metrics.operating import (
    defects_needed,
    operating_point,
    provable_recall,
    tolerated_escapes,
)
from results.notes import percent


def scored(defects=123, good=300, seed=0, shift=2.0, **more):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [good, defects])
    draw = lambda: rng.normal(size=len(y)) + shift * y  # noqa: E731
    return Scored(y, draw(), y, draw(), **more)


def test_the_largest_recall_that_the_valid_split_can_prove():
    assert provable_recall(123) == pytest.approx(0.976, abs=5e-4)
    assert defects_needed(0.995) == 598 and provable_recall(598) >= 0.995 > provable_recall(597)
    assert provable_recall(0) == 0 and provable_recall(1) == pytest.approx(0.05)
    assert defects_needed(1.0) == np.inf


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("recall", [0.5, 0.9, 0.975, 0.995])
def test_tolerated_escapes_are_the_most_that_the_binomial_allows(recall, confidence):
    from scipy.stats import binom

    for n in (0, 1, 5, 59, 123, 598, 5000):
        most = tolerated_escapes(n, recall, confidence)
        if most is None:
            assert n == 0 or recall**n > 1 - confidence - 1e-12
        else:
            assert binom.cdf(most, n, 1 - recall) <= (1 - confidence) * (1 + 1e-9)
            assert most == n or binom.cdf(most + 1, n, 1 - recall) > 1 - confidence


def test_a_recall_beyond_the_proof_is_shown_as_not_provable():
    point = operating_point(scored())
    assert not point.is_provable and point.recall == point.provable == provable_recall(123)
    assert "99.5% not provable" in point.claim and "598 needed" in point.claim and "97.6%" in point.claim
    enough = operating_point(scored(defects=600))
    assert enough.is_provable and enough.recall == 0.995 and "99.5% proved" in enough.claim
    assert "not provable" in operating_point(scored(defects=600), recall=1.0).claim
    assert percent(0.99497, below=0.995) == "99.497%"


def test_the_operating_point_keeps_its_promise_on_new_defects():
    """The recall in the population is at least the wanted one in 95% of the valid splits."""
    kept = 0
    for seed in range(400):
        point = operating_point(scored(defects=150, good=60, seed=seed), recall=0.95)
        kept += norm.sf(point.threshold, loc=2.0) >= 0.95
    # 4 standard errors of 400 simulations.
    assert kept / 400 >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 400)


def test_the_operating_threshold_lies_between_scores_and_is_blind_to_test():
    y = np.repeat([0, 1], [10, 100])
    valid = np.r_[np.zeros(10), np.ones(100)]
    point = operating_point(Scored(y, valid, y, 1 - valid))
    assert point.threshold == 0.5 and point.escapes == 100 and point.overkills == 10
    assert point.escape_rate == 1.0 and point.overkill_rate == 1.0


def test_defects_of_one_group_prove_as_much_as_one():
    groups = np.r_[[f"g{i}" for i in range(300)], np.repeat([f"d{i}" for i in range(41)], 3)]
    point = operating_point(scored(groups_valid=groups))
    assert point.proofs == 41 and point.provable == provable_recall(41)


@pytest.mark.parametrize("label", [0, 1])
def test_a_valid_split_with_one_class_proves_what_it_can(label):
    y = np.repeat([0, 1], 20)
    one = Scored(np.full(40, label), np.arange(40.0), y, np.arange(40.0))
    point = operating_point(one)
    if label:
        assert point.proofs == 40 and np.isfinite(point.threshold)
    else:
        assert point.provable == 0 and np.isnan(point.threshold) and np.isnan(point.overkill_rate)
        assert point.claim == "no recall provable: no valid defect"


def test_figures_of_the_test_curve_are_named_as_such():
    curve = [name for name in metrics.names() if name.endswith("_roc")]
    assert curve == [
        "overkill_at_tpr_991_roc", "overkill_at_tpr_993_roc", "overkill_at_tpr_995_roc",
        "overkill_at_tpr_997_roc", "overkill_at_tpr_1000_roc", "escapes_at_fpr_010_roc",
        "escapes_at_fpr_050_roc",
    ]  # fmt: skip
    both = scored()
    for name in ("operating_recall", "escapes_at_operating_point", "overkill_at_operating_point"):
        assert np.isfinite(metrics.get_metric(name).compute(both))

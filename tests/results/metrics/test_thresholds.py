import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.metrics.thresholds import (
    Cuts,
    between,
    cheapest_threshold,
    choose_threshold,
    limited_threshold,
)

CHOICES = {
    "accuracy": choose_threshold,
    "cost": lambda y, score: cheapest_threshold(y, score, 20.0, 1.0),
    "no escape": lambda y, score: limited_threshold(y, score, 0),
    "few escapes": lambda y, score: limited_threshold(y, score, max(0, int(y.sum()) - 1)),
}


@pytest.mark.parametrize("choose", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("low", [0.0, 0.3, -1.0, 1e300, -1e-308, 5e-324, 1 - 2**-53, 1e16])
def test_neighbouring_doubles_are_separated_by_every_rule(choose, low):
    y, score = np.array([0, 0, 1, 1]), np.repeat([low, np.nextafter(low, np.inf)], 2)
    assert ((score >= choose(y, score)) == y).all()


@pytest.mark.parametrize("choose", CHOICES.values(), ids=CHOICES)
def test_thresholds_lie_in_the_middle_between_the_adjacent_scores(choose):
    y, score = np.array([0, 0, 0, 1, 1, 1]), np.array([0.1, 0.3, 0.2, 0.7, 0.9, 0.8])
    assert choose(y, score) == 0.5


@settings(max_examples=200, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_between_separates_any_two_numbers(a, b):
    low, high = min(a, b), max(a, b)
    if low < high:
        assert low < between(low, high) <= high


def test_the_largest_numbers_do_not_overflow():
    big = np.finfo(float).max
    assert between(-big, big) == 0 and np.isfinite(between(big / 2, big))


def test_a_single_class_calls_everything_that_class():
    score = np.array([0.2, 0.4])
    assert (score >= choose_threshold(np.ones(2, int), score)).all()
    assert not (score >= choose_threshold(np.zeros(2, int), score)).any()


def test_without_images_there_is_no_threshold():
    empty = np.array([])
    assert all(np.isnan(choose(empty.astype(int), empty)) for choose in CHOICES.values())


ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4)), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.integers(0, 5))
def test_limited_escapes_cost_the_least_overkill_and_then_the_fewest_escapes(rows, most):
    y, score = (np.array(column) for column in zip(*rows, strict=True))
    threshold = limited_threshold(y, score.astype(float), most)

    def counts(t):
        return int(((y == 0) & (score >= t)).sum()), int(((y == 1) & (score < t)).sum())

    allowed = [counts(t) for t in np.arange(-5, 7) - 0.5 if counts(t)[1] <= most]
    assert counts(threshold) == min(allowed)


def test_cuts_count_each_class_once():
    cuts = Cuts.of(np.array([0, 1, 0, 1]), np.array([1.0, 1.0, 0.0, 2.0]))
    assert cuts.escapes.tolist() == [0, 0, 1, 2] and cuts.overkills.tolist() == [2, 1, 0, 0]

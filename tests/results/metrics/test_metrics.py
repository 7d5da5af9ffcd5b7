import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results import metrics
from results.metrics import Scored, choose_threshold


def made(seed, ties=False):
    rng = np.random.default_rng(seed)
    y = np.arange(120) % 3 == 0
    score = rng.normal(0, 1, 120) + y
    score = score.round(0) if ties else score
    return Scored(y[:60].astype(int), score[:60], y[60:].astype(int), score[60:])


@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_is_a_finite_number(name):
    assert np.isfinite(metrics.get_metric(name).compute(made(0)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=1, max_size=40),
)
def test_no_threshold_is_more_accurate(rows):
    y, score = (np.array(column) for column in zip(*rows, strict=True))
    threshold = choose_threshold(y, score.astype(float))
    best = ((score >= threshold) == y).mean()
    for other in np.arange(-4, 5) - 0.5:
        assert ((score >= other) == y).mean() <= best


def test_the_lowest_of_equal_thresholds_wins():
    # Both -0.5 and 1.5 err once; the lower one lets no defect escape.
    y, score = np.array([0, 1, 0, 1]), np.array([-1.0, 0.0, 1.0, 2.0])
    assert choose_threshold(y, score) == -0.5


def test_the_test_split_does_not_move_the_threshold():
    scored = made(0)
    flipped = Scored(scored.y_valid, scored.score_valid, 1 - scored.y_test, -scored.score_test)
    assert flipped.threshold == scored.threshold


@pytest.mark.parametrize("name", metrics.names())
@pytest.mark.parametrize("valid", ["both", "good", "defects", "none"])
@pytest.mark.parametrize("test", ["good", "defects", "none"])
def test_every_metric_of_a_split_without_a_class_is_a_number_or_nan(name, valid, test):
    labels = {"both": [0, 1, 0, 1], "good": [0, 0, 0], "defects": [1, 1], "none": []}
    y_valid, y_test = (np.array(labels[kind], int) for kind in (valid, test))
    scored = Scored(y_valid, np.arange(len(y_valid)) / 4, y_test, np.arange(len(y_test)) / 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = metrics.get_metric(name).compute(scored)
    assert np.isnan(value) or np.isfinite(value)
    if name in ("roc_auc", "average_precision", "balanced_accuracy") or name.endswith("_roc"):
        assert np.isnan(value)
    if test == "none" and name not in ("provable_recall", "operating_recall", "operating_threshold"):
        assert np.isnan(value)

"""Every metric of the registry is compared with a library's function or a plain loop."""

import numpy as np
import pytest
from references import REFERENCES
from scipy.special import expit

from results import metrics
from results.metrics import Scored

CASES = ["decisions", "ties", "probabilities", "few defects"]


def made(case, seed):
    rng = np.random.default_rng(seed)
    y = (np.arange(120) % (12 if case == "few defects" else 3) == 0).astype(int)
    score = rng.normal(0, 1, 120) + y
    if case == "ties":
        score = score.round(0)
    if case == "probabilities":
        score = expit(score)
    kind = "probability" if case == "probabilities" else "decision"
    return Scored(y[:60], score[:60], y[60:], score[60:], score_kind=kind)


def reference_of(name):
    """A metric brings its own reference, or has one among the loops of the tests."""
    return metrics.get_metric(name).reference or REFERENCES.get(name)


@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_has_a_reference(name):
    assert reference_of(name) is not None, (
        f"{name}: give the metric a `reference`, a library's function or a plain loop to compare it with"
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_agrees_with_its_reference(name, case):
    reference = reference_of(name)
    assert reference is not None, f"{name} has no reference"
    for seed in range(3):
        scored = made(case, seed)
        computed = metrics.get_metric(name).compute(scored)
        assert computed == pytest.approx(reference(scored), rel=1e-4, abs=1e-9), seed


@pytest.mark.parametrize("name", metrics.names())
def test_every_reference_is_other_code(name):
    assert reference_of(name) is not metrics.get_metric(name).compute


def test_no_reference_is_left_over():
    assert set(REFERENCES) <= set(metrics.names())

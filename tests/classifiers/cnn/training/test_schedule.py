import numpy as np
import pytest
import torch
from made import spots

import classifiers
from classifiers.cnn.training.net import RateSchedule
from features.errors import InputError


@pytest.mark.parametrize("batches", [1, 7, 75])
def test_the_exponential_schedule_multiplies_the_rate_after_each_epoch(batches):
    schedule = RateSchedule(300, batches, 0.0, "exponential", 0.97)
    steps = range(300 * batches)
    found = [schedule.factor(step / len(steps)) for step in steps]
    assert found == pytest.approx([0.97 ** (step // batches) for step in steps])


def test_the_other_schedules_fall_to_zero_or_stay():
    cosine, constant = (RateSchedule(4, 10, 0.25, name) for name in ("cosine", "constant"))
    assert cosine.factor(0.25) == pytest.approx(1) and cosine.factor(1.0) == pytest.approx(0)
    assert cosine.factor(0.625) == pytest.approx(0.5)
    assert {constant.factor(done) for done in (0.25, 0.5, 1.0)} == {1.0}


def trained(**params):
    X, y = spots(16)
    return classifiers.make_classifier(
        "cnn2", size=16, epochs=1, batch_size=16, optimizer="sgd", learning_rate=1.0, weight_decay=0.0,
        warmup=0.0, schedule="constant", augment="none", precision="float32", device="cpu", keep_best=False,
        **params,
    ).fit(X, y, valid=(X, y))  # fmt: skip


def test_a_clipped_step_is_no_longer_than_the_norm():
    """One step of SGD with rate 1: Nesterov's momentum of 0.9 makes it 1.9 times the gradient."""
    start = trained(clip=1e-9).module_.state_dict()
    lengths = {}
    for clip in (1e-3, 1e-2, 0.0):
        end = trained(clip=clip).module_.state_dict()
        names = [name for name, _ in trained(clip=clip).module_.named_parameters()]
        lengths[clip] = float(torch.stack([(end[n] - start[n]).norm() for n in names]).norm())
    assert lengths[1e-3] == pytest.approx(1.9e-3, rel=0.02)
    assert lengths[1e-2] == pytest.approx(1.9e-2, rel=0.02)
    assert lengths[0.0] > lengths[1e-2] and np.isfinite(lengths[0.0])


def test_an_unknown_schedule_is_refused():
    with pytest.raises(InputError, match="schedule 'step': choose cosine, constant or exponential"):
        trained(clip=0.0).set_params(schedule="step").fit(*spots(16))

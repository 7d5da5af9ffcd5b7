import numpy as np
import pandas as pd
import pytest
from predicted import predictions
from sklearn.metrics import roc_auc_score

from results.calibrated import calibrated
from results.errors import PredictionsError
from results.leaderboard import leaderboard
from results.metrics import Scored
from results.metrics.probability import calibrate, calibration_curve, calibration_error, probabilities


@pytest.mark.parametrize("values", [1, 2, 3, 7, 40])
def test_calibration_error_does_not_depend_on_order_when_scores_tie(values):
    rng = np.random.default_rng(values)
    p = rng.integers(1, values + 1, 200) / (values + 1)
    y = (rng.random(200) < p).astype(int)
    found = {calibration_error(y[order], p[order]) for order in (rng.permutation(200) for _ in range(20))}
    assert len(found) == 1
    assert calibration_curve(y, p)[:, 2].sum() == 200


def test_calibration_error_does_not_depend_on_image_names():
    frame = predictions(n=200).assign(score=lambda f: f["score"].round(0))
    names = dict(zip(frame["image_id"], np.random.default_rng(0).permutation(frame["image_id"]), strict=True))
    renamed = frame.assign(image_id=frame["image_id"].map(names))
    first, second = (leaderboard(each)["calibration_error"].iloc[0] for each in (frame, renamed))
    assert first == pytest.approx(second, abs=1e-12)


def test_equal_probabilities_that_are_right_have_no_error():
    y = np.repeat([0, 1], [70, 30])
    assert calibration_error(y, np.full(100, 0.3)) == pytest.approx(0, abs=1e-12)
    mixed = np.r_[np.full(50, 0.2), np.full(50, 0.8)]
    y = np.r_[np.repeat([1, 0], [10, 40]), np.repeat([0, 1], [10, 40])]
    assert calibration_error(y, mixed) == pytest.approx(0, abs=1e-12)


def test_bins_of_distinct_probabilities_hold_equally_many_images():
    p = np.linspace(0.01, 0.99, 57)
    assert calibration_curve(np.arange(57) % 2, p)[:, 2].tolist() == [6] * 7 + [5] * 3


def test_score_kind_decides_what_is_a_probability():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    score = rng.uniform(0.4, 0.5, 200) + 0.1 * y
    halves = (y[:100], score[:100], y[100:], score[100:])
    as_they_are = probabilities(Scored(*halves, score_kind="probability"))
    np.testing.assert_array_equal(as_they_are, score[100:])
    fitted = probabilities(Scored(*halves, score_kind="decision"))
    assert np.ptp(fitted) > 0.5 and ((fitted > 0.5) == (y[100:] == 1)).mean() > 0.9
    # In a table too: decision values within 0 to 1 are calibrated, probabilities are not.
    frame = predictions().assign(score=lambda f: 0.45 + 0.01 * f["y_true"])
    decision, probability = (
        leaderboard(frame.assign(score_kind=kind))["brier"].iloc[0] for kind in ("decision", "probability")
    )
    assert decision < 0.05 < 0.2 < probability


@pytest.mark.parametrize("method", ["temperature", "sigmoid"])
@pytest.mark.parametrize("kind", ["probability", "decision"])
def test_calibration_keeps_saturated_scores_apart(method, kind):
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    odds = rng.normal(0, 60, 400) + 60 * (2 * y - 1)
    score = np.where(odds > 0, 1 - 2.0**-53 * rng.permutation(400), 10.0 ** (odds - 1)).clip(0, 1)
    score = score if kind == "probability" else odds * 20
    found = calibrate(y[:200], score[:200], score, method, kind)
    assert (found >= 0).all() and (found <= 1).all()
    assert roc_auc_score(y, found) == roc_auc_score(y, score)
    order = np.argsort(score, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    assert len(np.unique(found)) >= len(np.unique(score)) - 2


def test_exact_zeros_and_ones_have_finite_calibrations():
    y = np.arange(40) % 2
    for method in ("temperature", "sigmoid", "isotonic"):
        found = calibrate(y, y.astype(float), np.array([0.0, 0.5, 1.0]), method)
        assert np.isfinite(found).all() and (np.diff(found) >= 0).all()


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
def test_a_valid_split_with_one_class_is_refused_in_one_line(method):
    frame = predictions()
    frame.loc[frame["split"] == "valid", "y_true"] = 0
    with pytest.raises(PredictionsError, match="of LDA: the valid split holds one class only"):
        calibrated(frame, method)
    assert np.isnan(leaderboard(frame)["brier"].iloc[0])


def test_equal_scores_calibrate_to_one_probability():
    frame = pd.concat([predictions("A", score=0.1 + 0.2), predictions("B")])
    found = calibrated(frame, "sigmoid").query("model == 'A'")["score"]
    assert found.nunique() == 1 and found.iloc[0] == pytest.approx(1 / 3, abs=0.02)

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import predictions
from sklearn.metrics import brier_score_loss

from results import metrics
from results.calibrated import calibrated
from results.errors import PredictionsError
from results.leaderboard import leaderboard
from results.metrics import Scored
from results.metrics.inspection import cheapest_threshold, escapes_at, expected_cost, overkill_at
from results.metrics.probability import calibrate, calibration_curve, calibration_error, probabilities
from results.published import COLUMNS, published_table, read_published
from results.tables import formats
from results.tables.compare import choose, side_by_side
from results.tables.shown import plain, present, sort_by

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4)), min_size=4, max_size=40).filter(
    lambda rows: len({y for y, _ in rows}) == 2
)


def arrays(rows):
    y, score = (np.array(column) for column in zip(*rows, strict=True))
    return y, score.astype(float)


@settings(max_examples=80, deadline=None)
@given(ROWS, st.sampled_from([0.5, 0.9, 0.991, 1.0]))
def test_overkill_is_the_smallest_that_any_threshold_gives(rows, rate):
    y, score = arrays(rows)
    found = [
        (score[y == 0] >= t).mean()
        for t in np.arange(-5, 6) - 0.5
        if (score[y == 1] >= t).mean() >= rate - 1e-12
    ]
    assert overkill_at(y, score, rate) == pytest.approx(min(found))


@settings(max_examples=80, deadline=None)
@given(ROWS, st.sampled_from([0.0, 0.01, 0.3]))
def test_escapes_are_the_fewest_that_any_threshold_gives(rows, overkill):
    y, score = arrays(rows)
    found = [
        (score[y == 1] < t).mean() for t in np.arange(-5, 7) - 0.5 if (score[y == 0] >= t).mean() <= overkill
    ]
    assert escapes_at(y, score, overkill) == pytest.approx(min(found))


@settings(max_examples=80, deadline=None)
@given(ROWS, st.sampled_from([(1.0, 1.0), (20.0, 1.0), (1.0, 20.0)]))
def test_no_threshold_is_cheaper(rows, costs):
    y, score = arrays(rows)

    def cost(t):
        return costs[0] * ((y == 1) & (score < t)).sum() + costs[1] * ((y == 0) & (score >= t)).sum()

    chosen = cheapest_threshold(y, score, *costs)
    assert cost(chosen) <= min(cost(t) for t in np.arange(-5, 7) - 0.5) + 1e-9


def test_costs_are_of_the_threshold_chosen_on_valid():
    valid = (np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.6, 0.9]))
    scored = Scored(*valid, np.array([0, 0, 1, 1]), np.array([0.2, 0.8, 0.45, 0.7]))
    # Valid calls 0.5 and more defective: one escape at 20, one overkill at 1, over four images.
    assert expected_cost(scored) == pytest.approx(21 / 4)


def test_brier_is_that_of_scikit_learn_and_decision_values_are_calibrated():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    p = np.clip(rng.normal(0.3 + 0.4 * y, 0.2), 0, 1)
    scored = Scored(y[:200], p[:200], y[200:], p[200:])
    expected = brier_score_loss(y[200:], p[200:])
    assert metrics.get_metric("brier").compute(scored) == pytest.approx(expected)
    raw = Scored(y[:200], 8 * p[:200] - 4, y[200:], 8 * p[200:] - 4)
    told = probabilities(raw)
    assert told.min() >= 0 and told.max() <= 1
    assert calibration_error(y[200:], told) < 0.12


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
def test_calibration_mends_overconfidence(method):
    rng = np.random.default_rng(1)
    odds = rng.normal(0, 1.5, 4000)
    y = (rng.random(4000) < 1 / (1 + np.exp(-odds))).astype(int)
    bold = 1 / (1 + np.exp(-4 * odds))
    score = 4 * odds if method == "sigmoid" else bold
    mended = calibrate(y[:2000], score[:2000], score[2000:], method)
    assert calibration_error(y[2000:], bold[2000:]) > 0.1
    assert calibration_error(y[2000:], mended) < 0.04
    assert calibration_curve(y[2000:], mended)[:, 2].sum() == 2000


def test_published_figures_follow_one_schema_and_keep_to_their_dataset():
    rows = read_published()
    assert list(rows.columns) == COLUMNS and len(rows) >= 50
    elpv = published_table("elpv")
    assert elpv["roc_auc"].max() == pytest.approx(0.9442)
    assert not elpv["source"].str.contains("HKUST").any()
    assert published_table("chips").empty
    assert "| Deitsch" in formats.to_markdown(plain(elpv, titles=True))


@pytest.fixture
def board():
    return leaderboard(pd.concat([
        predictions("LDA", quality=2.0), predictions("RF_1 & co <b>", quality=0.5, features="resnet50"),
    ]))  # fmt: skip


def test_tables_escape_what_they_hold(board):
    shown = present(board)
    assert "RF\\_1 \\& co" in formats.to_latex(shown)
    assert "RF_1 &amp; co &lt;b&gt;" in formats.to_html(shown)
    assert formats.to_latex(shown).count(r"\\") == 3
    assert "[" in formats.to_markdown(shown)


@pytest.mark.parametrize("column", ["accuracy", "overkill", "fp"])
def test_a_row_that_finds_no_defect_is_never_first(column):
    board = pd.DataFrame(
        {"model": ["blind", "seeing"], "accuracy": [0.9, 0.8], "overkill": [0.0, 0.2],
         "fp": [0, 20], "tp": [0, 8], "fn": [10, 2]}
    )  # fmt: skip
    assert sort_by(board, column)["model"].tolist() == ["seeing", "blind"]


def test_tables_sort_by_any_column_the_better_end_first(board):
    board = board.assign(images_per_second_1=[20.0, 90.0], predict_us=[5.0, 2.0])
    assert list(sort_by(board, "fn")["fn"]) == sorted(board["fn"])
    assert list(sort_by(board, "tp")["tp"]) == sorted(board["tp"], reverse=True)
    assert list(sort_by(board, "images_per_second_1")["images_per_second_1"]) == [90.0, 20.0]
    assert list(sort_by(board, "predict_us")["predict_us"]) == [2.0, 5.0]
    assert sort_by(board, "accuracy_low")["accuracy_low"].is_monotonic_decreasing
    assert sort_by(board, "escape_high")["escape_high"].is_monotonic_increasing
    assert sort_by(board, "-roc_auc")["roc_auc"].is_monotonic_increasing
    assert sort_by(board, "model")["model"].is_monotonic_increasing
    with pytest.raises(PredictionsError, match="no column 'speed' to sort by; there are: model"):
        sort_by(board, "speed")


def test_runs_side_by_side(board):
    other = leaderboard(predictions("LDA", quality=1.0))
    both = side_by_side({"a": board, "b": other})
    row = both[both["model"] == "LDA"].iloc[0]
    assert row["b - a"] == pytest.approx(row["b"] - row["a"])
    with pytest.raises(PredictionsError, match="no figure 'model'"):
        side_by_side({"a": board}, "model")


def test_the_best_within_limits():
    frame = pd.concat([
        predictions("slow and good", quality=4.0, predict_us=9000.0, n=300),
        predictions("fast and fair", quality=2.0, predict_us=100.0, n=300),
        predictions("fast and poor", quality=0.5, predict_us=50.0, n=300),
    ])  # fmt: skip
    assert choose(frame, max_escape=0.02).model == "slow and good"
    chosen = choose(frame, max_escape=0.02, max_ms=2)
    assert chosen.model == "fast and fair"
    assert chosen.escapes / chosen.defects < 0.06
    assert "95% interval" in chosen.describe()
    with pytest.raises(PredictionsError, match=r"no model takes at most 0.001 ms per image; the fastest"):
        choose(frame, max_escape=0.02, max_ms=0.001)
    with pytest.raises(PredictionsError, match=r"no model keeps overkill at 0.1% with 0.00% escapes"):
        choose(frame, max_escape=0.0, max_ms=2, max_overkill=0.001)


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
@pytest.mark.parametrize("kind", ["decision", "probability"])
def test_calibration_is_fitted_on_valid_and_mends_what_is_too_sure(method, kind):
    frame = predictions(quality=2.0, n=2000)
    odds = 6 * (frame["score"] - 1)
    frame = frame.assign(score=odds if kind == "decision" else 1 / (1 + np.exp(-odds)), score_kind=kind)
    mended = calibrated(frame, method)
    assert mended["score"].between(0, 1).all() and (mended["score_kind"] == "probability").all()
    before, after = (leaderboard(each).iloc[0] for each in (frame, mended))
    if kind == "probability":
        assert after["brier"] < before["brier"]
        assert after["calibration_error"] < before["calibration_error"]
    assert after["roc_auc"] == pytest.approx(before["roc_auc"], abs=0.005)
    test = frame["split"] == "test"
    turned = frame.assign(y_true=frame["y_true"].where(~test, 1 - frame["y_true"]))
    again = calibrated(turned, method).sort_index()
    np.testing.assert_array_equal(again["score"], mended.sort_index()["score"])


def test_an_unknown_calibration_is_named():
    with pytest.raises(PredictionsError, match="choose one of temperature, sigmoid, isotonic"):
        calibrated(predictions(), "prayer")

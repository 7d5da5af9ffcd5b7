import numpy as np
import pandas as pd
import pytest
from predicted import predictions
from sklearn.metrics import roc_auc_score

from results.blend import MODEL, with_blend
from results.leaderboard import leaderboard


@pytest.fixture
def frame():
    parts = [
        predictions("LDA", quality=1.0, n=200).assign(score=lambda f: 40 * f["score"] + 7),
        predictions("SVM", features="resnet50", n=200),
    ]
    rng = np.random.default_rng(5)
    parts[1]["score"] = rng.normal(0, 1, len(parts[1])) + parts[1]["y_true"]
    return pd.concat(parts)


def test_the_mean_is_of_standardised_scores_and_beats_its_parts(frame):
    blend = with_blend(frame).query("model == @MODEL")
    assert len(blend) == 400 and set(blend["features"]) == {"all"}
    expected = 0
    for _, part in frame.groupby("model"):
        part = part.set_index("image_id")
        valid = part.query("split == 'valid'")["score"]
        expected = expected + (part["score"] - valid.mean()) / valid.std(ddof=0) / 2
    np.testing.assert_allclose(blend.set_index("image_id")["score"].sort_index(), expected.sort_index())
    table = leaderboard(with_blend(frame)).set_index("model")
    assert table["roc_auc"].idxmax() == MODEL
    test = blend.query("split == 'test'")
    assert table.loc[MODEL, "roc_auc"] == pytest.approx(roc_auc_score(test["y_true"], test["score"]))
    assert table.loc[MODEL, "fit_seconds"] == pytest.approx(3.0)


def test_test_scores_move_nothing(frame):
    moved = frame.assign(score=np.where(frame["split"] == "test", frame["score"] + 100, frame["score"]))
    before, after = (with_blend(f).query("model == @MODEL and split == 'valid'") for f in (frame, moved))
    np.testing.assert_array_equal(before["score"], after["score"])


def test_one_row_or_none_has_no_mean(frame):
    single = frame.query("model == 'LDA'")
    assert len(with_blend(single)) == len(single)
    assert len(with_blend(single.iloc[:0])) == 0


def test_costs_count_a_shared_embedding_once():
    embedding = 16_000.0
    frame = pd.concat([
        predictions("LDA", predict_us=embedding, parameters=1_000_000, model_bytes=4_000_000),
        predictions("SVM", predict_us=embedding + 300, parameters=1_020_000, model_bytes=4_100_000),
        predictions("LR", features="resnet50", predict_us=2e4, parameters=2_000_000, model_bytes=8_000_000),
        predictions("CNN", features="end-to-end", predict_us=500.0, parameters=70, model_bytes=280),
        predictions("CNN 2", features="end-to-end", predict_us=600.0, parameters=80, model_bytes=320),
    ])  # fmt: skip
    row = with_blend(frame).query("model == @MODEL").iloc[0]
    assert row["predict_us"] == pytest.approx(16_300 + 20_000 + 500 + 600)
    assert row["parameters"] == 1_020_000 + 2_000_000 + 150 and row["model_bytes"] == 12_100_600
    # One pass of each distinct network; heads cost next to nothing beside it.
    assert row["images_per_second_1"] == pytest.approx(50 / 4)
    assert row["flops"] == pytest.approx(4 * 2e9)
    assert row["fit_seconds"] == pytest.approx(5 * 1.5)


@pytest.mark.parametrize("constant", [0.1 + 0.2, 0.0, 1e9, 1.0])
def test_a_model_with_equal_valid_scores_does_not_drown_the_others(constant):
    frame = pd.concat([predictions("LDA"), predictions("SVM", features="resnet50", seed=1)])
    y = predictions("LDA")["y_true"].to_numpy()
    flat = predictions("flat", features="end-to-end").assign(y_true=y, score=constant)
    flat.loc[flat["split"] == "test", "score"] = constant + np.arange(60) % 2 * max(constant, 1) * 1e-3
    frame = frame.assign(y_true=np.tile(y, 2))
    with_flat, without = (
        with_blend(each).query("model == @MODEL").sort_values("image_id")["score"].to_numpy()
        for each in (pd.concat([frame, flat]), frame)
    )
    np.testing.assert_allclose(with_flat * 3, without * 2)

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

import numpy as np
import pandas as pd
import pytest
from predicted import predictions

from results.errors import PredictionsError
from results.leaderboard import leaderboard
from results.tables.compare import choose, side_by_side


def separable(defects_valid=20, defects_test=6, good=60):
    """Good images near 0, defects between 1 and 2 on valid, between 0.8 and 1 on test."""
    y = {"valid": np.repeat([0, 1], [good, defects_valid]), "test": np.repeat([0, 1], [good, defects_test])}
    frames = []
    for split, labels in y.items():
        low, high = (1.0, 2.0) if split == "valid" else (0.8, 1.0)
        score = np.r_[np.linspace(0, 0.2, good), np.linspace(low, high, len(labels) - good)]
        base = predictions(n=len(labels)).head(len(labels))
        ids = [f"{split}{number:03d}" for number in range(len(labels))]
        frames.append(base.assign(image_id=ids, split=split, y_true=labels, score=score))
    return pd.concat(frames)


@pytest.mark.parametrize("max_escape", [0.0, 0.01, 0.1, 0.5, 1.0])
def test_no_defect_escapes_for_nothing_on_separable_scores(max_escape):
    choice = choose(separable(), max_escape=max_escape)
    assert (choice.escapes, choice.overkills, choice.overkill_valid) == (0, 0, 0.0)
    assert 0.2 < choice.threshold < 0.8


@pytest.mark.parametrize("max_escape", [0.0, 1.0])
def test_limits_of_zero_and_one_are_answered(max_escape):
    choice = choose(predictions(quality=1.0, n=90), max_escape=max_escape)
    assert choice.missed == 0 if max_escape == 0 else choice.overkill_valid == 0
    assert np.isfinite(choice.threshold) and "on the test split" in choice.describe()


def test_neighbouring_doubles_are_separated():
    frame = separable()
    low = 0.1 + 0.2
    frame = frame.assign(score=np.where(frame["y_true"], np.nextafter(low, 1), low))
    assert choose(frame, max_escape=0.1).escapes == 0


def test_the_choice_says_what_it_did_on_test_and_how_sure_that_is():
    frame = predictions(quality=2.0, n=300)
    choice = choose(frame, max_escape=0.01)
    text = choice.describe()
    share = choice.escapes / choice.defects
    assert choice.escapes > 0.01 * choice.defects
    assert f"{choice.escapes} of {choice.defects} ({share:.2%}, 95% interval" in text
    assert "asked for: at most 1.00% escapes. The test split shows more" in text
    assert "the limit is not proved (at least 299 valid defects are needed)" in text
    kept = choose(separable(defects_valid=400), max_escape=0.05).describe()
    assert "0 of 400 independent valid defects escape" in kept and "the limit is proved" in kept
    assert "keeps to it" in kept


def test_the_proof_is_clopper_and_pearsons():
    frame = separable(defects_valid=123)
    assert choose(frame, max_escape=0.0).proved_escape == pytest.approx(1 - 0.05 ** (1 / 123))


def test_groups_count_once_in_the_proof():
    frame = separable(defects_valid=20)
    frame = frame.assign(group=frame["image_id"].str[:-1], split_kind="group")
    choice = choose(frame, max_escape=0.0)
    assert choice.proofs == 2 < 20 and choice.escape_interval[1] > 0.6


@pytest.mark.parametrize("label, name", [(0, "defect"), (1, "good image")])
def test_a_valid_split_without_a_class_is_refused(label, name):
    frame = predictions()
    frame = frame[(frame["split"] == "test") | (frame["y_true"] == label)]
    with pytest.raises(PredictionsError, match=f"the valid split holds no {name}"):
        choose(frame, max_escape=0.1)


def test_a_test_split_without_defects_is_described():
    frame = predictions()
    frame = frame[(frame["split"] == "valid") | (frame["y_true"] == 0)]
    assert "The test split holds no defect" in choose(frame, max_escape=0.1).describe()


def test_models_on_different_images_are_not_chosen_among():
    other = predictions("B")
    other = other.assign(image_id="x" + other["image_id"])
    with pytest.raises(PredictionsError, match="different valid images"):
        choose(pd.concat([predictions("A"), other]), max_escape=0.1)


def renamed(frame, split):
    """The same frame with other images in one split."""
    return frame.assign(image_id=frame["image_id"].where(frame["split"] != split, "o" + frame["image_id"]))


def test_runs_on_the_same_images_are_compared_without_a_note():
    boards = {"a": leaderboard(predictions()), "b": leaderboard(predictions(quality=0.5))}
    table = side_by_side(boards)
    assert "note" not in table and table["b - a"].notna().all()


def test_runs_on_different_images_or_protocols_are_marked():
    frame = predictions()
    boards = {
        "a": leaderboard(frame),
        "test": leaderboard(renamed(frame, "test")),
        "valid": leaderboard(renamed(frame, "valid")),
        "kind": leaderboard(frame.assign(split_kind="group")),
        "label": leaderboard(frame.assign(y_true=1 - frame["y_true"])),
    }
    row = side_by_side(boards).iloc[0]
    assert np.isnan(row["test - a"]) and np.isnan(row["label - a"])
    assert row["valid - a"] == 0 and row["kind - a"] == 0
    assert row["note"] == (
        "test: other test images; valid: other valid images; kind: another kind of split; "
        "label: other test images"
    )


def test_runs_without_a_common_model_have_no_difference():
    table = side_by_side({"a": leaderboard(predictions("A")), "b": leaderboard(predictions("B"))})
    assert table["b - a"].isna().all() and "note" not in table

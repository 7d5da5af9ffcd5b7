import warnings

import numpy as np
import pandas as pd
import pytest
from predicted import predictions

from results import metrics
from results.intervals import intervals_of
from results.leaderboard import leaderboard
from results.metrics import Scored
from results.notes import best_note
from results.tables.formats import leaderboard_to_rich, to_markdown
from results.tables.shown import present, sort_by


def test_every_interval_has_a_width_at_perfection_and_at_zero():
    y = np.repeat([0, 1], 5)
    score = y.astype(float)
    for test in (score, 1 - score):
        found = intervals_of(Scored(y, score, y, test, "probability"))
        for name in (each for each in metrics.names() if metrics.get_metric(each).interval):
            assert found[f"{name}_high"] - found[f"{name}_low"] > 0.01, name


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("split", ["valid", "test"])
def test_a_split_without_a_class_gives_nan_with_a_reason(label, split):
    frame = pd.concat([predictions("A"), predictions("B", features="resnet50")])
    frame = frame[(frame["split"] != split) | (frame["y_true"] == label)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = leaderboard(frame)
    name = "defect" if label == 0 else "good image"
    assert table["caution"].str.contains(f"no {name} in the {split} split").all()
    if split == "test":
        assert (
            table[["roc_auc", "roc_auc_low", "average_precision", "balanced_accuracy"]].isna().all(axis=None)
        )
        assert not table["best"].any() and table["accuracy"].notna().all()
    assert "no " in to_markdown(present(table))


def test_too_little_data_is_said_beside_the_figure():
    valid = predictions().query("split == 'valid'")
    test = predictions().query("split == 'test'")
    four = pd.concat([test[test["y_true"] == 0].head(3), test[test["y_true"] == 1].head(1)])
    four = four.assign(score=four["y_true"].astype(float))
    table = leaderboard(pd.concat([valid, four]))
    row = table.iloc[0]
    assert row["roc_auc"] == 1 and row["roc_auc_low"] < 0.5
    assert row["caution"].startswith("only 3 good images and 1 defect in the test split")
    assert "only 3 good images and 1 defect" in to_markdown(present(table))
    assert any(str(column.header) == "Caution" for column in leaderboard_to_rich(table, "", 240).columns)


def nine_hundred_and_six():
    """A row that ranks best and finds none of six defects, and one that finds some."""
    y = np.repeat([0, 1], [900, 6])
    frames = []
    for split in ("valid", "test"):
        ids = [f"{split}{number:04d}" for number in range(906)]
        base = predictions(n=453).assign(
            image_id=ids, split=split, y_true=y, label=np.where(y, "bad", "good")
        )
        ranks = np.r_[np.linspace(0, 0.5, 900), np.full(6, 0.47)]
        finds = np.r_[np.linspace(0, 0.5, 880), np.full(20, 0.9), [0.95, 0.95, 0.95, 0.1, 0.1, 0.1]]
        frames += [base.assign(model="blind", score=ranks), base.assign(model="seeing", score=finds)]
    return pd.concat(frames)


def test_a_row_that_finds_nothing_is_never_on_top_nor_bold():
    table = leaderboard(nine_hundred_and_six())
    assert table["model"].tolist() == ["seeing", "blind"]
    blind = table.iloc[1]
    assert blind["accuracy"] > 0.99 and blind["f1"] == 0 and blind["roc_auc"] > table.iloc[0]["roc_auc"]
    assert "finds no defect at its threshold" in blind["caution"] and not blind["best"]
    assert sort_by(table, "accuracy")["model"].tolist() == ["seeing", "blind"]
    assert sort_by(table, "roc_auc")["model"].tolist() == ["seeing", "blind"]


def test_models_scored_on_different_images_never_share_best():
    one, other = predictions("A", n=120), predictions("B", n=120)
    other = other.assign(image_id="other " + other["image_id"])
    assert not leaderboard(pd.concat([one, other]))["best"].any()
    third = predictions("C", n=120, seed=5).assign(y_true=one["y_true"].to_numpy(), label=one["label"])
    marked = leaderboard(pd.concat([one, other, third])).set_index("model")["best"]
    assert not marked["B"] and marked[["A", "C"]].any()


def test_a_group_split_widens_intervals_and_is_noted():
    frame = predictions(n=400, quality=1.5, split_kind="group")
    within = np.arange(len(frame)) // 8
    rng = np.random.default_rng(0)
    frame["y_true"] = (within % 3 == 0).astype(int)
    frame["score"] = rng.normal(size=within.max() + 1)[within] + 0.3 * frame["score"] + 1.5 * frame["y_true"]
    grouped = leaderboard(frame.assign(group=[f"g{number}" for number in within]))
    alone = leaderboard(frame)
    assert grouped["test_groups"].tolist() == [50] and alone["test_groups"].isna().all()
    for name in ("roc_auc", "accuracy", "f1", "balanced_accuracy", "average_precision", "escape", "brier"):
        width, narrow = (each[f"{name}_high"][0] - each[f"{name}_low"][0] for each in (grouped, alone))
        assert width > 1.3 * narrow, name
    assert "count 50 test groups as independent" in best_note(grouped)
    assert "groups" not in best_note(alone)
    few = leaderboard(frame.assign(group=[f"g{number // 4}" for number in within]))
    assert few["caution"].str.contains("only 13 independent groups").all() and "Student's t" in best_note(few)


def test_the_note_names_the_procedure_behind_bold():
    frame = pd.concat([predictions("A", quality=2.0), predictions("B", quality=2.0, seed=0)])
    text = to_markdown(present(leaderboard(frame)))
    assert "all pairs compared at once" in text and "family-wise error 5%" in text and "Holm" not in text


def test_a_constant_feature_set_gives_figures_with_a_reason():
    table = leaderboard(predictions(score=0.5))
    row = table.iloc[0]
    assert row["roc_auc"] == 0.5 and row["roc_auc_high"] - row["roc_auc_low"] > 0.1
    assert "all test scores are equal" in row["caution"]

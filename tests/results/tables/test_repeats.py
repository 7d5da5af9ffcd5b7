import numpy as np
import pandas as pd
import pytest
from predicted import predictions

from results.errors import PredictionsError
from results.figures.critical_difference import critical_difference_figure, joined
from results.leaderboard import leaderboard
from results.tables.per_class import MACRO, per_class_table
from results.tables.repeats import ranks_over_datasets, ranks_over_repeats, repeats_table


def board(qualities, repeats=6, n=200, dataset=""):
    frames = [
        predictions(model, quality=quality, seed=10 * repeat + 1, repeat=repeat, n=n).assign(
            image_id=lambda f, r=repeat: f"{dataset}r{r}-" + f["image_id"]
        )
        for model, quality in qualities.items()
        for repeat in range(repeats)
    ]
    return leaderboard(pd.concat(frames, ignore_index=True))


def test_models_over_repeats_are_told_apart_where_they_differ():
    table = repeats_table(board({"good": 3.0, "same": 3.0, "poor": 0.5}), test_share=0.4)
    assert table["model"].iloc[-1] == "poor" and not table["best"].iloc[-1]
    assert table["best"].iloc[:2].all() and (table["repeats"] == 6).all()
    assert table["mean"].is_monotonic_decreasing
    poor = table.iloc[-1]
    assert poor["low"] <= poor["difference"] <= poor["high"] < 0 and poor["p"] < 0.05


def test_one_split_has_no_repeats():
    with pytest.raises(PredictionsError, match="give --repeats 2 or more"):
        repeats_table(board({"a": 1.0, "b": 2.0}, repeats=1), 0.4)


def test_ranks_over_repeats_use_the_corrected_test():
    ranks, alike = ranks_over_repeats(board({"good": 3.0, "same": 3.0, "poor": 0.2}), 0.4)
    assert ranks.index[-1].startswith("poor") and ranks.iloc[-1] == 3
    assert alike.loc[ranks.index[0], ranks.index[1]] and not alike.loc[ranks.index[0], ranks.index[2]]


def test_ranks_over_datasets_are_friedmans():
    qualities = {"a": 3.0, "b": 1.5, "c": 0.3}
    boards = {f"d{i}": board(qualities, repeats=1, n=300, dataset=f"d{i}") for i in range(8)}
    ranks, alike, p = ranks_over_datasets(boards)
    assert ranks.tolist() == [1, 2, 3] and p < 0.01
    assert not alike.iloc[0, 2]
    with pytest.raises(PredictionsError, match="three of each"):
        ranks_over_datasets(dict(list(boards.items())[:2]))


def test_runs_of_models_that_are_alike():
    names = list("abcd")
    alike = pd.DataFrame(np.eye(4, dtype=bool), names, names)
    for one, other in ("ab", "bc", "cd", "bd"):
        alike.loc[one, other] = alike.loc[other, one] = True
    assert joined(names, alike) == [["a", "b"], ["b", "c", "d"]]
    figure = critical_difference_figure(pd.Series([1, 2, 3, 3.5], names), joined(names, alike), "t")
    assert len(figure.axes[0].lines) > 6


def test_each_class_has_its_own_figures():
    frame = predictions(quality=2.0, n=200)
    kinds = np.where(frame["y_true"] == 0, "good", np.where(np.arange(len(frame)) % 2, "scratch", "chip"))
    table = per_class_table(frame.assign(label=kinds))
    assert table["label"].tolist() == ["chip", "good", "scratch", MACRO]
    classes = table.iloc[:3]
    assert classes["n"].sum() == 200 and classes["defect"].tolist() == [True, False, True]
    assert (classes["right_low"] <= classes["right"]).all() and classes["roc_auc"].between(0.5, 1).all()
    assert table["right"].iloc[3] == pytest.approx(classes["right"].mean())
    assert per_class_table(frame).empty


def test_ranks_over_datasets_refuse_one_dataset_twice():
    qualities = {"a": 3.0, "b": 1.5, "c": 0.3}
    boards = {name: board(qualities, repeats=1, dataset=name[0]) for name in ("x1", "y", "x2")}
    with pytest.raises(PredictionsError, match="x1 and x2 hold the same images"):
        ranks_over_datasets(boards)
    # Another split of the same images has other test images; the contents tell.
    boards = {name: board(qualities, repeats=1, dataset=name) for name in "xyz"}
    contents = {"x": {"1", "2", "3"}, "y": {"4"}, "z": {"1", "2", "5"}}
    with pytest.raises(PredictionsError, match="x and z hold the same images"):
        ranks_over_datasets(boards, contents=contents)
    assert len(ranks_over_datasets(boards, contents={**contents, "z": {"1", "5", "6"}})[0]) == 3


def repeated(rng, models, repeats):
    rows = [
        {"model": str(model), "features": "f", "weights": "w", "preprocess": "none", "sampling": "all",
         "repeat": repeat, "roc_auc": value}
        for repeat, values in enumerate(0.9 + 0.01 * rng.normal(size=(repeats, models)))
        for model, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def share_of_wrong_exclusions(simulations, models, repeats, test_share):
    rng = np.random.default_rng(0)
    tables = (repeats_table(repeated(rng, models, repeats), test_share) for _ in range(simulations))
    return np.mean([not table["best"].all() for table in tables])


@pytest.mark.deep
def test_equal_models_are_rarely_excluded_over_repeats():
    # Independent repeats, the least favourable case: nothing is made up for by the correction.
    assert share_of_wrong_exclusions(40, 8, 10, 0.0) <= 6 / 40


@pytest.mark.deep
@pytest.mark.parametrize("repeats", [3, 5, 20])
def test_a_member_of_twenty_equal_models_is_excluded_in_at_most_5_percent_of_1000_repeats(repeats):
    assert share_of_wrong_exclusions(1000, 20, repeats, 0.0) <= 0.05 + 1.96 * np.sqrt(0.05 * 0.95 / 1000)


def test_repeats_in_which_nothing_varies_exclude_no_one():
    frame = repeated(np.random.default_rng(0), 3, 1)
    same = pd.concat([frame.assign(repeat=repeat) for repeat in range(4)])
    assert repeats_table(same, 0.4)["best"].all()


def test_the_mean_of_the_classes_is_neither_good_nor_defective():
    frame = predictions(quality=2.0, n=200)
    kinds = np.where(frame["y_true"] == 0, "good", np.where(np.arange(len(frame)) % 2, "scratch", "chip"))
    table = per_class_table(frame.assign(label=kinds))
    mean = table.iloc[-1]
    assert mean["label"] == MACRO and pd.isna(mean["defect"])
    assert (table["defect"] == False).sum() == 1 and (table["defect"] == True).sum() == 2  # noqa: E712


@pytest.mark.parametrize("kept", ["good", "defects", "none"])
def test_classes_of_a_test_split_without_a_class_have_figures_or_nan(kept):
    frame = predictions(quality=2.0, n=200)
    kinds = np.where(np.arange(len(frame)) % 3, "one", np.where(np.arange(len(frame)) % 2, "two", "three"))
    frame = frame.assign(label=frame["label"].astype(str) + kinds)
    wanted = {"good": [0], "defects": [1], "none": []}[kept]
    table = per_class_table(frame[(frame["split"] == "valid") | frame["y_true"].isin(wanted)])
    if kept == "none":
        assert table.empty
    else:
        assert table["roc_auc"].isna().all() and table["right"].notna().all()

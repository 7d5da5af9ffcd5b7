import numpy as np
import pandas as pd
import pytest
from predicted import predictions

from results.errors import PredictionsError
from results.figures import critical_difference_figure, joined
from results.leaderboard import leaderboard
from results.tables.per_class import MACRO, per_class_table
from results.tables.repeats import ranks_over_datasets, ranks_over_repeats, repeats_table


def board(qualities, repeats=6, n=200):
    frames = [
        predictions(model, quality=quality, seed=10 * repeat + 1, repeat=repeat, n=n).assign(
            image_id=lambda f, r=repeat: f"r{r}-" + f["image_id"]
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
    boards = {f"d{i}": board(qualities, repeats=1, n=300) for i in range(8)}
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

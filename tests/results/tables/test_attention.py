"""The table of networks with attention beside the plain ones, and how the report shows it."""

import numpy as np
import pandas as pd
import pytest

from results.feature_set import END_TO_END, attention_words, split_attention
from results.report.attention import attention_html, attention_lines
from results.statistics import corrected_t_test
from results.tables.attention import MEASURES, attention_table

AUC = {("CNN", 0): 0.9, ("CNN", 1): 0.92, ("CNN", 2): 0.91}
GAIN = {0: 0.1, 1: 0.2, 2: 0.15}
LOSS = {0: 0.01, 1: -0.01, 2: 0.0}


def key(model, repeat=0, **other):
    return {
        "model": model,
        "features": END_TO_END,
        "weights": "random",
        "split_kind": "stratified",
        "preprocess": "none",
        "sampling": "all",
        "repeat": repeat,
        **other,
    }


def tables(repeats=3, name="CNN, attention 2", **other):
    """A leaderboard and a table of localisation of a plain network and one with attention."""
    board, places = [], []
    for repeat in range(repeats):
        auc = AUC["CNN", repeat]
        board += [
            {**key("CNN", repeat, **other), "roc_auc": auc},
            {**key(name, repeat, **other), "roc_auc": auc - LOSS[repeat]},
        ]
        for model, more in (("CNN", 0.0), (name, GAIN[repeat])):
            measures = {"energy_inside": 0.3 + more, "pointing_game": 0.5 + more / 2}
            row = {**key(model, repeat, **other), "method": "grad_cam", "label": "all defects", **measures}
            places += [row, {**row, "label": "scratch", "energy_inside": 0.0}]
        guess = {**key("Uniform map", repeat), "method": "baseline", "label": "all defects"}
        places.append({**guess, "energy_inside": 0.01, "pointing_game": 0.01})
    return pd.DataFrame(board), pd.DataFrame(places)


def test_each_split_is_compared_with_itself_and_the_mean_has_the_paired_interval():
    table = attention_table(*tables(), 0.4)
    assert table["repeat"].tolist() == ["1", "2", "3", "mean"] and (table["model"] == "CNN").all()
    assert (table["attention_weight"] == 2).all() and table["repeats"].tolist() == [1, 1, 1, 3]
    np.testing.assert_allclose(table["energy_inside_change"], [0.1, 0.2, 0.15, 0.15])
    np.testing.assert_allclose(table["pointing_game_change"], [0.05, 0.1, 0.075, 0.075])
    np.testing.assert_allclose(table["roc_auc_change"], [-0.01, 0.01, 0, 0], atol=1e-12)
    mean = table.iloc[-1]
    gains = np.array([0.1, 0.2, 0.15])
    change, p, (low, high) = corrected_t_test(gains, 0 * gains, 0.4)
    measured = mean[["energy_inside_change", "energy_inside_change_low", "energy_inside_change_high"]]
    np.testing.assert_allclose(measured.astype(float), [change, low, high])
    assert mean["energy_inside_change_p"] == pytest.approx(p)
    assert low < 0.15 < high and mean["energy_inside_plain"] == pytest.approx(0.3)
    assert table.iloc[:3]["roc_auc_change_low"].isna().all()


def test_splits_are_in_the_order_of_their_numbers():
    board, places = tables(1)
    many = [frame.assign(repeat=number) for number in range(12) for frame in (board,)]
    table = attention_table(pd.concat(many), places)
    assert table["repeat"].tolist() == [*map(str, range(1, 13)), "mean"]


def test_one_split_has_no_mean_and_weights_and_preprocessings_are_apart():
    parts = [tables(1), tables(1, name="CNN, attention 0.5"), tables(1, preprocess="crop10")]
    board, places = (pd.concat(each, ignore_index=True) for each in zip(*parts, strict=True))
    table = attention_table(board, places)
    assert table["repeat"].tolist() == ["1"] * 3
    assert table[["attention_weight", "preprocess"]].to_numpy().tolist() == [
        [2.0, "none"], [0.5, "none"], [2.0, "crop10"],
    ]  # fmt: skip
    assert table["energy_inside_change"].tolist() == pytest.approx([0.1] * 3)


def test_rows_without_a_partner_or_without_maps():
    board, places = tables()
    assert attention_table(board[board["model"] == "CNN"], places).empty
    assert attention_table(board.iloc[:0], places).empty
    assert attention_table(pd.DataFrame(), pd.DataFrame()).empty
    # A network that failed on one split is compared on the others.
    table = attention_table(board.drop(index=1), places)
    assert table["repeat"].tolist() == ["2", "3", "mean"] and table.iloc[-1]["repeats"] == 2
    bare = attention_table(board, pd.DataFrame())
    assert bare["roc_auc_change"].notna().all() and bare["energy_inside_change"].isna().all()
    # Maps of one split are missing: AUC over three splits, energy over two.
    some = attention_table(board, places[places["repeat"] != 1])
    assert some.iloc[-1]["roc_auc_change"] == pytest.approx(0)
    assert some.iloc[-1]["energy_inside_change"] == pytest.approx(0.125)
    failed = board.assign(roc_auc=board["roc_auc"].where(board["model"] == "CNN"))
    assert attention_table(failed, places).empty


@pytest.mark.parametrize("name", ["CNN", "DARTS (random cell 3)", "A, b, c", "网络, attention 2"])
@pytest.mark.parametrize("weight", [0.05, 0.5, 1, 20, 1e-5, 1e6])
def test_names_with_attention_come_apart_again(name, weight):
    assert split_attention(f"{name}, {attention_words(weight)}") == (name, pytest.approx(weight))


@pytest.mark.parametrize("name", ["CNN", "CNN, attention", "CNN, attention more", "attention 2"])
def test_other_names_have_no_attention(name):
    assert split_attention(name)[1] == 0


def test_the_report_shows_every_split_and_says_the_mean_in_words():
    table = attention_table(*tables(), 0.4)
    page = attention_html(table)
    (line,) = attention_lines(table)
    start = "CNN, attention 2: ROC AUC +0.000, Energy in box +15.0 points, Pointing game +7.5 points"
    assert line == f"{start} (mean of 3 splits)."
    assert f"<li>{line}</li>" in page and page.count("<tr") == 5
    assert "<td>+10.0 points</td>" in page and "<td>+15.0 points [" in page
    assert page.count('class="best"') == 1
    assert attention_html(pd.DataFrame()) == "" and attention_lines(pd.DataFrame()) == []


def test_names_in_the_report_are_never_html():
    board, places = (frame.replace("CNN", "<b>") for frame in tables(name="<b>, attention 2"))
    page = attention_html(attention_table(board, places))
    assert "<b>" not in page and "&lt;b&gt;" in page


def test_a_measure_that_no_row_has_is_left_out():
    page = attention_html(attention_table(tables()[0], pd.DataFrame()))
    assert "ROC AUC" in page and "Energy" not in page and len(MEASURES) == 3

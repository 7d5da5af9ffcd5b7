import numpy as np
import pandas as pd
import pytest
from predicted import predictions, scored_cell
from scipy import stats

from results.cells import CellRow, Cells, cells_of, cells_table, cells_verdict
from results.report.summary import summarise
from results.statistics import prediction_interval, t_interval


def row(cell, auc, valid=0.9):
    kind = next((kind for kind in ("searched", "random cell") if cell.startswith(kind)), "given")
    return CellRow(cell, kind, valid, auc, auc - 0.01, auc + 0.01, 1000, 60.0)


def cells(searched, random, given=()):
    """Cells of which `searched` are pairs of a valid and a test AUC."""
    rows = [row(f"searched {n}", auc, valid) for n, (valid, auc) in enumerate(searched, 1)]
    rows += [row(f"random cell {n}", auc) for n, auc in enumerate(random, 1)]
    return Cells("", (*rows, *(row(f"cell {n}", auc) for n, auc in enumerate(given, 1))))


RANDOM = (0.950, 0.952, 0.948, 0.951, 0.949)


def test_the_prediction_interval_is_that_of_the_textbook():
    low, high = prediction_interval(RANDOM)
    half = stats.t.ppf(0.975, 4) * np.std(RANDOM, ddof=1) * np.sqrt(1 + 1 / 5)
    assert (low, high) == pytest.approx((0.95 - half, 0.95 + half))
    # Hahn and Meeker (1991), table 2.1: five values 51.4, 49.5, 48.7, 49.3, 51.6 give 50.10 -/+ 4.0.
    low, high = prediction_interval([51.4, 49.5, 48.7, 49.3, 51.6])
    assert (low, high) == pytest.approx((50.10 - 3.98, 50.10 + 3.98), abs=0.05)
    assert t_interval(RANDOM) == pytest.approx(
        stats.t.interval(0.95, 4, loc=np.mean(RANDOM), scale=stats.sem(RANDOM))
    )
    with pytest.raises(ValueError, match="at least two"):
        prediction_interval([0.9])


@pytest.mark.parametrize("n", [2, 5, 10])
def test_one_more_value_lies_in_the_interval_as_often_as_it_says(n):
    rng = np.random.default_rng(0)
    values = rng.normal(0.95, 0.01, (4000, n + 1))
    bounds = np.array([prediction_interval(each[:n]) for each in values])
    inside = (bounds[:, 0] <= values[:, n]) & (values[:, n] <= bounds[:, 1])
    # Three standard errors of 4,000 draws.
    assert inside.mean() == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 4000))


@pytest.mark.parametrize(
    ("auc", "answer", "words"),
    [
        (0.97, "Yes.", "lies outside, better: the search found a cell that is better than random ones"),
        (0.951, "No.", "lies inside: the search did not find a cell that is better than a random one"),
        (0.90, "No.", "lies outside, worse: the search found a cell that is worse than random ones"),
    ],
)
def test_the_verdict_in_words(auc, answer, words):
    said = cells_verdict(cells([(0.9, auc)], RANDOM))
    assert f"better DARTS cell? {answer}" in said and words in said
    assert "Caution" not in said and "\n" not in said


def test_the_valid_split_chooses_the_searched_cell():
    found = cells([(0.91, 0.951), (0.93, 0.90), (0.92, 0.99)], RANDOM)
    assert found.chosen.cell == "searched 2"
    said = cells_verdict(found)
    assert 'Of 3 searched cells the one chosen on the valid split, "searched 2"' in said
    assert "outside, worse" in said
    # Of equal ones the first, whatever they reach on test.
    assert cells([(0.9, 0.8), (0.9, 0.99)], RANDOM).chosen.cell == "searched 1"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (cells([(0.9, 0.95)], [0.94]), "cannot tell"),
        (cells([(0.9, 0.95)], []), "No random cell was scored"),
        (cells([], RANDOM), "No searched cell was scored. 5 random cells"),
        (cells([(0.9, np.nan)], RANDOM), "No searched cell was scored"),
        (cells([(0.9, 0.95)], [0.94, 0.96, 0.95]), "Caution: only 3 random cells"),
        (cells([(0.9, 0.99)], [0.90, 0.99, 0.98, 0.97, 0.96]), "The interval reaches 1"),
        (cells([(0.9, 0.95)], RANDOM, [0.99]), "The cell 1 (0.9900) lies outside, better"),
        (cells([(0.9, 0.95)], [0.95] * 5), "lies inside"),
        (cells([(0.9, 0.951)], [0.95] * 5), "lies outside, better"),
    ],
)
def test_the_verdict_says_what_a_run_cannot_tell(found, words):
    assert words in cells_verdict(found)


def test_there_is_no_verdict_without_searched_and_random_cells():
    assert cells_verdict(cells([], [], [0.95])) == ""


@pytest.fixture(scope="module")
def frame():
    made = [("searched 1", 2.0), ("searched 2", 3.0), ("ImageNet cell", 2.5)]
    made += [(f"random cell {n}", 2 + n / 5) for n in range(1, 6)]
    frames = [scored_cell(cell, quality) for cell, quality in made]
    return pd.concat([*frames, predictions("LDA")], ignore_index=True)


def test_the_table_has_every_cell_beside_the_random_ones(frame):
    searches = pd.DataFrame(
        {"cell": ["searched 1"] * 2 + ["searched 2"], "epoch": [1, 2, 1], "seconds": [1.0, 2.0, 4.0]}
    )
    table = cells_table(frame, searches).set_index("cell")
    assert len(table) == 10
    random = table.loc[[f"random cell {n}" for n in range(1, 6)], "roc_auc"]
    (found,) = cells_of(frame)
    assert table.loc["one more random cell", ["low", "high"]].tolist() == pytest.approx(
        prediction_interval(random)
    )
    assert table.loc["mean of random cells", ["low", "high"]].tolist() == pytest.approx(t_interval(random))
    assert table.loc["mean of random cells", "roc_auc"] == pytest.approx(random.mean())
    assert table["search_seconds"].dropna().to_dict() == {"searched 1": 3.0, "searched 2": 4.0}
    assert table["chosen"].eq("yes").to_dict()[found.chosen.cell] and table["chosen"].eq("yes").sum() == 1
    assert found.chosen.valid_auc == table.loc[["searched 1", "searched 2"], "valid_auc"].max()
    for name in ("searched 1", "searched 2", "ImageNet cell"):
        assert table.loc[name, "beside_random"] in ("inside", "outside, better", "outside, worse")


def test_cells_of_another_preprocessing_are_compared_among_themselves(frame):
    other = frame[frame["params"] != "{}"].assign(preprocess="crop20")
    groups = cells_of(pd.concat([frame, other], ignore_index=True))
    assert [group.setting for group in groups] == ["", "crop20"]
    assert {len(group.rows) for group in groups} == {8}


def test_the_report_opens_with_the_verdict_only_where_there_are_cells(frame):
    nothing = pd.DataFrame()
    assert any("random cells, trained alike" in line for line in summarise(frame, nothing, "120 images"))
    assert not any("DARTS" in line for line in summarise(predictions("LDA"), nothing, "120 images"))


def test_a_run_without_cells_has_an_empty_table():
    assert cells_table(predictions("LDA")).empty and cells_table(pd.DataFrame()).empty

"""Average precision and recall of proposals against values worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from results.figures.detection.proposal_recall import proposal_recall_figure
from results.metrics.detection.precision import ALL, INSTALL
from results.metrics.detection.recall import needed_proposals, overlaps, recall_curve
from results.metrics.detection.saved import BOX, CORNERS, IMAGE, PROPOSAL, TRUTH
from results.predictions import ROW_KEY
from results.tables.detection import MEAN, detection_table, recall_table

LEFT, RIGHT, AWAY = (0, 0, 10, 10), (50, 50, 60, 60), (80, 80, 90, 90)


def row(image, y, what, name, corners=(np.nan,) * 4, score=np.nan, rank=1, split="test"):
    values = dict(zip(CORNERS, corners, strict=True))
    return {"image_id": image, "split": split, "y": y, "what": what, "class": name, "score": score,
            "rank": rank, **values}  # fmt: skip


def saved(rows):
    key = dict(zip(ROW_KEY, ("Detector", "end-to-end with boxes", "random", "stratified", "none", "all", 0),
                   strict=True))  # fmt: skip
    return pd.DataFrame(rows).assign(**key)


@pytest.fixture(scope="module")
def boxes():
    """Two classes: chips are found, of two scratches one is found, behind a wrong box in a good image."""
    return saved(
        [
            row("a", 1, IMAGE, "chip"), row("a", 1, TRUTH, "chip", LEFT), row("a", 1, BOX, "chip", LEFT, 0.9),
            row("b", 1, IMAGE, "scratch"), row("b", 1, TRUTH, "scratch", RIGHT),
            row("b", 1, BOX, "scratch", RIGHT, 0.8),
            row("c", 1, IMAGE, "scratch"), row("c", 1, TRUTH, "scratch", RIGHT),
            row("c", 1, BOX, "chip", AWAY, 0.2),
            row("d", 0, IMAGE, "good"), row("d", 0, BOX, "scratch", AWAY, 0.95),
            # No box says where this defect is: a detection in it is neither right nor wrong.
            row("e", 1, IMAGE, "chip"), row("e", 1, BOX, "chip", LEFT, 0.99),
            # The valid split takes no part.
            row("f", 1, IMAGE, "chip", split="valid"), row("f", 1, TRUTH, "chip", LEFT, split="valid"),
            row("a", 1, PROPOSAL, "", AWAY, rank=1), row("a", 1, PROPOSAL, "", LEFT, rank=2),
            row("b", 1, PROPOSAL, "", RIGHT, rank=1), row("c", 1, PROPOSAL, "", (50, 50, 60, 57), rank=5),
        ]
    )  # fmt: skip


def test_average_precision_of_each_class(boxes):
    table = detection_table(boxes).set_index("label")
    assert table.index.tolist() == [MEAN, ALL, "chip", "scratch"]
    assert table.loc["chip", "map_50"] == pytest.approx(1)
    # Precision 1/2 up to a recall of 1/2, in 101 steps, then 0.
    assert table.loc["scratch", "map_50"] == pytest.approx(0.5 * 51 / 101)
    assert table.loc[MEAN, "map_50"] == pytest.approx((1 + 0.5 * 51 / 101) / 2)
    assert table.loc["chip", "map_50_95"] == pytest.approx(1)
    # In the order of the scores: wrong, right, right, wrong; two of three boxes are found.
    assert table.loc[ALL, "map_50"] == pytest.approx(2 / 3 * 67 / 101, abs=0.01)
    assert (table["images"] == 4).all() and (table["note"] == "").all()
    assert table["boxes"].to_dict() == {MEAN: 3, ALL: 3, "chip": 1, "scratch": 2}
    assert table["without_box"].to_dict() == {MEAN: 1, ALL: 1, "chip": 1, "scratch": 0}


def test_recall_of_proposals(boxes):
    table = detection_table(boxes).set_index("label")
    assert table.loc[MEAN, ["proposal_recall_1", "proposal_recall_10"]].tolist() == pytest.approx([1 / 3, 1])
    curve = recall_table(boxes).set_index(["overlap", "proposals"])["recall"]
    assert curve.loc[0.5].loc[[1, 2, 3, 5]].tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1])
    assert curve.loc[0.75].loc[300] == pytest.approx(2 / 3)


def test_overlaps_and_boxes_without_area():
    first = np.array([LEFT, (5, 0, 15, 10), (3, 3, 3, 3)], float)
    np.testing.assert_allclose(overlaps(first, first[:1])[:, 0], [1, 1 / 3, 0])
    assert overlaps(first[2:], first[2:]).tolist() == [[0]]


def test_boxes_without_any_proposal_are_never_covered(boxes):
    truth = boxes[(boxes["what"] == TRUTH) & (boxes["split"] == "test")]
    needed = needed_proposals(truth, boxes[boxes["what"] == PROPOSAL].iloc[:0], 0.5)
    assert np.isinf(needed).all() and recall_curve(needed).max() == 0
    assert np.isnan(recall_curve(np.array([]))).all()


def test_no_detection_at_all_is_a_precision_of_zero(boxes):
    table = detection_table(boxes[boxes["what"] != BOX]).set_index("label")
    assert (table["map_50"] == 0).all()


def test_a_split_without_true_boxes_has_no_figures(boxes):
    table = detection_table(boxes[~boxes["what"].isin([TRUTH, PROPOSAL])])
    assert table["label"].tolist() == [MEAN, ALL]
    assert table[["map_50", "map_50_95", "proposal_recall_100"]].isna().all(axis=None)
    assert proposal_recall_figure(boxes[boxes["what"] != TRUTH]) is None
    assert detection_table(boxes.iloc[:0]).empty and proposal_recall_figure(pd.DataFrame()) is None


def test_the_table_says_what_to_install(boxes, monkeypatch):
    monkeypatch.setattr("results.tables.detection.is_available", lambda: False)
    table = detection_table(boxes)
    assert set(table["note"]) == {INSTALL} and table["map_50"].isna().all()
    assert table["proposal_recall_10"].notna().all()


def test_the_figure_has_a_line_for_each_overlap(boxes):
    (axes,) = proposal_recall_figure(boxes).axes
    assert [line.get_label() for line in axes.lines] == ["Detector, overlap 0.5", "Detector, overlap 0.75"]
    assert axes.lines[0].get_ydata()[-1] == 1

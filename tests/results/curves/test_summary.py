"""The tables of learning curves, and what they say in words."""

from dataclasses import replace

import learners as made
import numpy as np
import pandas as pd
import pytest

from results.curves import HEAD, NETWORK, Curves, Point, crossing_of, make_curves
from results.curves.summary import best_learner, crossing_words
from results.errors import PredictionsError
from results.figures.learning_curves import learning_curves_figure

ROW = {"weights": "random", "split_kind": "stratified", "preprocess": "none", "sampling": "all"}


def point(model, features, size, draw=0, *, shift=1.0, valid=20):
    """A point of 40 test images whose defects score higher by `shift`."""
    rng = np.random.default_rng([size, draw])
    split = np.repeat(["valid", "test"], [valid, 40])
    y = np.arange(valid + 40) % 2
    images = pd.DataFrame(
        {"image_id": [f"{number:03}" for number in range(len(y))], "split": split, "y_true": y,
         "score": rng.normal(size=len(y)) + shift * y, "score_kind": "decision", "group": ""}
    )  # fmt: skip
    numbers = {"size": size, "draw": draw, "train": size, "valid": valid, "train_defects": size // 2,
               "valid_defects": valid // 2, "seconds": 0.5}  # fmt: skip
    return Point({**ROW, "model": model, "features": features}, numbers, "made", images)


def curve_of(model, features="resnet18", sizes=(32, 64, 128), **options):
    return [point(model, features, size, draw, **options) for size in sizes for draw in range(3)]


FAILED = {"row": "LR on ResNet-18", "kind": HEAD, "size": 32, "draw": 1, "status": "failed: ValueError: made"}


def test_a_point_comes_back_from_its_frame():
    first = point("LR", "resnet18", 32)
    again = Point.from_frame(first.to_frame())
    assert again.to_frame().equals(first.to_frame()) and again.record() == first.record()


def test_heads_alone_are_described_without_a_crossing():
    curves = make_curves([*curve_of("LR"), *curve_of("LDA", shift=3.0)])
    assert curves.crossing.empty
    assert curves.words.startswith(
        "How many labelled images? Median ROC AUC by labelled images, train and valid"
    )
    assert "LDA on" in curves.words and "LR on" not in curves.words
    assert " with 52, " in curves.words and "no network was measured at two sizes" in curves.words
    assert curves.bands.groupby("row")["leading"].all().sum() == 1


def test_the_crossing_needs_two_common_sizes():
    curves = make_curves([*curve_of("LR"), *curve_of("CNN", "end-to-end", sizes=(64, 256))])
    assert curves.crossing.empty and "need two sizes that both have" in curves.words
    both = make_curves([*curve_of("LR"), *curve_of("CNN", "end-to-end")])
    assert len(both.crossing) == 1 and both.words == both.crossing["words"].iloc[0]
    by = make_curves([*curve_of("LR"), *curve_of("CNN", "end-to-end")], by="defects")
    assert by.crossing["smallest"].iloc[0] == 16 + 10 and "labelled defects" in by.words


def test_tables_are_the_same_after_reading_blank_columns():
    curves = make_curves([*curve_of("LR"), *curve_of("CNN", "end-to-end", shift=9.0)])
    texts = {name: table.astype(object).where(table.notna(), "") for name, table in curves.tables().items()}
    assert texts["crossing"]["labels"].tolist() == [""]
    again = Curves.from_tables(texts)
    assert again.words == curves.words and np.isnan(again.crossing["labels"].iloc[0])
    assert learning_curves_figure(again) is not None


def test_points_measured_on_other_test_images_are_refused():
    points = curve_of("LR")
    images = points[4].images
    for change in ({"image_id": "x" + images["image_id"]}, {"y_true": 1 - images["y_true"]}):
        other = replace(points[4], images=images.assign(**change))
        with pytest.raises(PredictionsError, match=r"LR on .*, size 64, draw 2: measured on other test im"):
            make_curves([*points[:4], other, *points[5:]])


def test_failures_are_rows_of_the_table():
    curves = make_curves(curve_of("LR"), [FAILED])
    assert len(curves.points) == 10 and curves.points["by"].eq("images").all()
    only = make_curves([], [FAILED])
    assert only.points["status"].tolist() == [FAILED["status"]] and only.bands.empty and only.words == ""
    assert make_curves([]).points.empty


def test_the_best_row_is_chosen_on_the_largest_size():
    small, _ = made.learners(0)
    large = replace(small, words="whole", valid_auc=0.8)
    early = {size: draws for size, draws in small.scores.items() if size < 1000}
    small = replace(small, words="failed later", valid_auc=1.0, scores=early)
    assert best_learner([small, large], HEAD).words == "whole"
    assert best_learner([small, large], NETWORK) is None


@pytest.mark.parametrize(("at", "name"), [(0.0, "network"), (np.inf, "head")])
def test_curves_in_another_order_are_not_said_to_be_ahead_everywhere(at, name):
    found = crossing_of(*made.learners(0), replicates=50)
    whole, some = (5, 3) if name == "network" else (0, 2)
    assert f"the {name} is ahead at every size" in crossing_words(replace(found, at=at, ahead=whole))
    assert f"the {name} is ahead at 3 of 5 sizes" in crossing_words(replace(found, at=at, ahead=some))

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from predicted import predictions

from results.errors import PredictionsError
from results.leaderboard import leaderboard
from results.predictions import (
    OPTIONAL,
    SCHEMA,
    check_images,
    ids_of,
    read_predictions,
    rows_of,
    to_table,
    validate,
)


def test_they_survive_parquet(tmp_path):
    frame = predictions()
    pq.write_table(to_table(frame), tmp_path / "a.parquet")
    back = read_predictions([tmp_path / "a.parquet"])
    assert list(back.columns) == SCHEMA.names
    np.testing.assert_array_equal(back["score"], frame["score"])
    assert pq.read_schema(tmp_path / "a.parquet").metadata[b"score"]


@pytest.mark.parametrize("column", SCHEMA.names)
def test_a_missing_cell_is_refused_in_every_column(column):
    frame = predictions().astype({column: object})
    frame.loc[3, column] = None
    with pytest.raises(PredictionsError, match=column):
        validate(frame)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_refused(value):
    frame = predictions()
    frame.loc[5, "score"] = value
    with pytest.raises(PredictionsError, match="score of image i0005"):
        validate(frame)


def test_doubled_missing_and_unknown_are_refused():
    frame = predictions()
    with pytest.raises(PredictionsError, match="occurs twice"):
        validate(frame.assign(image_id="same"))
    with pytest.raises(PredictionsError, match="missing column 'score'"):
        validate(frame.drop(columns="score"))
    with pytest.raises(PredictionsError, match="unknown column 'extra'"):
        validate(frame.assign(extra=1))
    with pytest.raises(PredictionsError, match="split 'train'"):
        validate(frame.assign(split="train"))
    with pytest.raises(PredictionsError, match="something else than 0 and 1"):
        validate(frame.assign(y_true=2))
    with pytest.raises(PredictionsError, match="no lines"):
        validate(frame.head(0))


def test_two_labels_for_one_image_are_refused(tmp_path):
    for name, labels in (("a", 0), ("b", 1)):
        pq.write_table(to_table(predictions(name, y_true=labels)), tmp_path / f"{name}.parquet")
    with pytest.raises(PredictionsError, match="two labels"):
        read_predictions(sorted(tmp_path.glob("*.parquet")))


def test_a_file_of_something_else_is_named(tmp_path):
    (tmp_path / "x.parquet").write_text("hello")
    with pytest.raises(PredictionsError, match=r"x\.parquet: not a predictions file"):
        read_predictions([tmp_path / "x.parquet"])


def test_parts_come_in_the_order_of_image_ids():
    frame = predictions().sample(frac=1, random_state=0)
    row = next(iter(rows_of(frame)))
    y, score = row.part("test")
    expected = frame[frame["split"] == "test"].sort_values("image_id")
    np.testing.assert_array_equal(score, expected["score"])
    np.testing.assert_array_equal(y, expected["y_true"])


def write(frame, path, ids=None):
    pq.write_table(to_table(frame, ids), path)
    return path


def test_files_from_before_the_optional_columns_are_read(tmp_path):
    old = to_table(predictions()).drop_columns(list(OPTIONAL))
    pq.write_table(old, tmp_path / "old.parquet")
    back = read_predictions([tmp_path / "old.parquet"])
    assert list(back.columns) == SCHEMA.names
    assert (back[list(OPTIONAL)] == "").all(axis=None)
    assert next(iter(rows_of(back))).groups("test") is None


def test_groups_are_read_where_images_belong_together():
    frame = predictions(split_kind="group")
    frame = frame.assign(group=np.where(np.arange(len(frame)) % 2, "", np.arange(len(frame)) // 10))
    groups = next(iter(rows_of(validate(frame)))).groups("test")
    assert len(groups) == 60 and (groups == "6").sum() == 5
    # An image without a group is a group of its own.
    assert sum(name.startswith("image i") for name in groups) == len({g for g in groups if g[0] == "i"}) == 30
    assert next(iter(rows_of(frame.assign(group="")))).groups("test") is None


@pytest.mark.parametrize("hashes", [("a" * 64, "b" * 64), ("", "b" * 64), ("a" * 63 + "1", "a" * 63 + "2")])
def test_two_weights_files_of_one_name_never_pool_into_one_row(tmp_path, hashes):
    paths = [
        write(predictions(weights="best", quality=q, weights_sha256=sha), tmp_path / f"{number}.parquet")
        for number, (q, sha) in enumerate(zip((0.2, 3.0), hashes, strict=True))
    ]
    frame = read_predictions(paths)
    rows = list(rows_of(frame))
    assert len(rows) == 2 and len({row.key["weights"] for row in rows}) == 2
    for row, sha in zip(rows, hashes, strict=True):
        assert row.frame["weights_sha256"].eq(sha).all() and str(row.key["weights"]).startswith("best")
    table = leaderboard(frame)
    assert table["n_test"].tolist() == [60, 60]
    # Without a file between, and for every model on the colliding set.
    both = pd.concat(
        [*(row.frame for row in rows), predictions("RF", weights="best", weights_sha256=hashes[1])]
    )
    both["weights"] = "best"
    named = {row.key["model"]: row.key["weights"] for row in rows_of(both)}
    assert hashes[1][:8] in named["RF"]


def test_names_stay_plain_where_nothing_collides():
    frame = pd.concat([
        predictions("LDA", weights="best", weights_sha256="a" * 64),
        predictions("LDA", weights="other", weights_sha256="b" * 64),
        predictions("LDA", weights="best", weights_sha256="c" * 64, repeat=1),
    ])  # fmt: skip
    assert [row.key["weights"] for row in rows_of(frame)] == ["best", "other", "best"]


def test_networks_end_to_end_collide_by_model():
    net = {"features": "end-to-end", "weights": "random"}
    frame = pd.concat([
        predictions("A", weights_sha256="a" * 64, **net), predictions("A", weights_sha256="b" * 64, **net),
        predictions("B", weights_sha256="c" * 64, **net),
    ])  # fmt: skip
    assert [row.key["weights"] for row in rows_of(frame)] == [
        "random (aaaaaaaa)", "random (bbbbbbbb)", "random"
    ]  # fmt: skip


def test_the_same_row_in_two_files_is_refused(tmp_path):
    paths = [write(predictions(seed=seed, y_true=0), tmp_path / f"{seed}.parquet") for seed in (0, 1)]
    with pytest.raises(PredictionsError, match="occurs twice"):
        read_predictions(paths)


def test_rows_on_other_images_than_the_split_are_refused(tmp_path):
    frame = predictions()
    ids = ids_of(frame)
    check_images(frame, ids)
    assert len(validate(frame, ids)) == len(frame)
    path = write(frame, tmp_path / "a.parquet", ids)
    assert len(read_predictions([path], ids)) == len(frame)
    short = frame[frame["image_id"] != "i0077"]
    with pytest.raises(PredictionsError, match="1 of 60 test images are missing, such as i0077"):
        to_table(short, ids)
    with pytest.raises(PredictionsError, match="1 of 60 valid images are missing, such as i0003"):
        validate(frame.replace({"image_id": {"i0003": "new"}}), ids)
    extra = pd.concat([frame, frame.tail(1).assign(image_id="new")])
    with pytest.raises(PredictionsError, match="1 of 60 test images are not of this split, such as new"):
        validate(extra, ids)
    moved = frame.assign(split=frame["split"].where(frame["image_id"] != "i0003", "test"))
    with pytest.raises(PredictionsError, match="valid images are missing, such as i0003"):
        validate(moved, ids)
    with pytest.raises(PredictionsError, match="occurs twice"):
        check_images(pd.concat([frame, frame.head(1)]), ids)
    with pytest.raises(PredictionsError, match=r"a\.parquet: predictions of LDA: .* are missing"):
        read_predictions([path], {**ids, "test": {*ids["test"], "another"}})
    with pytest.raises(PredictionsError, match="test images are not of this split"):
        validate(frame, {"valid": ids["valid"]})


def test_one_row_of_several_is_checked_on_its_own():
    ids = ids_of(predictions())
    good, short = predictions("LDA"), predictions("SVM").head(100)
    with pytest.raises(PredictionsError, match="predictions of SVM: 20 of 60 test images are missing"):
        validate(pd.concat([good, short]), ids)


def test_a_score_kind_that_does_not_fit_is_refused():
    frame = predictions()
    with pytest.raises(PredictionsError, match="score_kind 'odds'"):
        validate(frame.assign(score_kind="odds"))
    with pytest.raises(PredictionsError, match="which is no probability"):
        validate(frame.assign(score_kind="probability"))
    with pytest.raises(PredictionsError, match="score_kind is both"):
        validate(
            frame.assign(score=0.5, score_kind=np.where(frame["split"] == "test", "decision", "probability"))
        )

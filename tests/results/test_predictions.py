import numpy as np
import pyarrow.parquet as pq
import pytest
from predicted import predictions

from results.errors import PredictionsError
from results.predictions import SCHEMA, read_predictions, rows_of, to_table, validate


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

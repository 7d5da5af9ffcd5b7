"""CSV files in any usual form are read as text, or refused in one line that names the file."""

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.tables import read_saved, read_table

RIGHT = [["007", "Größe"], ["NA", "None"], ["1e5", ""], ["null", "nan"]]
TEXT = "image_id,label\n007,Größe\nNA,None\n1e5,\nnull,nan\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_encoding_and_separator_gives_the_same_text(tmp_path, encoding, separator, end):
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT.replace(",", separator).replace("\n", end).encode(encoding))
    frame = read_table(path)
    assert frame.columns.tolist() == ["image_id", "label"]
    assert frame.to_numpy().tolist() == RIGHT


def test_excel_forms(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('sep=;\n"image_id"; label \n\n"a;b";c\nd\ne;f;;\n', encoding="utf-8-sig")
    assert read_table(path).to_numpy().tolist() == [["a;b", "c"], ["d", ""], ["e", "f"]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty file"),
        (b" \n\n", "empty file"),
        (b"\xff\xfe", "empty file"),
        (b"image_id,new_label\na,b,c,d\n", "line 2: 4 values for 2 columns"),
        (b'image_id,new_label\n"a,b\n', "line 2: not a CSV file"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\x00\x81\x8d" * 9, "not a text file"),
        (b"label,label\na,b\n", "two columns are called 'label'"),
    ],
)
def test_what_is_no_table_is_one_line_that_names_the_file(tmp_path, data, message):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"b\.csv: no such file"):
        read_table(tmp_path / "b.csv")


def test_a_saved_table_keeps_names_as_text_and_figures_as_numbers(tmp_path):
    saved = pd.DataFrame(
        {
            "class": ["NA", "None", "007"], "image_id": ["1", "2", "3"], "label": ["1", "", "1e5"],
            "auc": [0.5, np.nan, 1.0], "images": [1, 2, 3], "note": ["", "x", "1"], "blank": ["", "", ""],
        }
    )  # fmt: skip
    path = tmp_path / "a.csv"
    saved.to_csv(path, index=False)
    pd.testing.assert_frame_equal(read_saved(path), saved, check_dtype=False)
    assert read_saved(path)["images"].sum() == 6 and np.isnan(read_saved(path)["auc"][1])

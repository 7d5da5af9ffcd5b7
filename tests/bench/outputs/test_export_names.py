import pandas as pd
import pytest

from bench.outputs.export import _block, _distinct, _score_name, _slug, as_tsv

NAMES = ['3" crack', "lr$x^{$", "[v2]", "裂纹", "شرخ", "a\\b", "tab\there", "two\nrows", "a\u2028b", ""]


def test_every_line_of_the_metadata_has_a_field_for_each_heading():
    table = pd.DataFrame({"image_id": NAMES, "label": NAMES[::-1], "split": "test"})
    lines = as_tsv(table).split("\n")
    assert lines[-1] == "" and len(lines) == len(NAMES) + 2
    assert {line.count("\t") for line in lines[:-1]} == {2}


@pytest.mark.parametrize("name", NAMES[:6])
def test_the_metadata_holds_names_literally(name):
    assert as_tsv(pd.DataFrame({"label": [name]})) == f"label\n{name}\n"


def test_two_rows_never_share_a_column_of_scores():
    keys = [
        {"model": "LDA", "sampling": "all", "repeat": 0},
        {"model": "LDA", "sampling": "balanced", "repeat": 0},
        {"model": "LDA", "sampling": "all", "repeat": 1},
        {"model": "lda", "sampling": "all", "repeat": 0},
        {"model": "LDA", "sampling": "all", "repeat": 0},
    ]
    columns: list[str] = []
    for key in keys:
        columns.append(_distinct(_score_name(key), columns))
    assert len({column.casefold() for column in columns}) == len(keys)
    assert columns[0] == "score LDA"


def test_feature_sets_with_like_names_get_files_of_their_own():
    files: list[str] = []
    for key in [("a/b", "c"), ("a_b", "c"), ("a", "b-c"), ("a-b", "c"), ('3" crack', "裂纹"), ("A/B", "c")]:
        files.append(_distinct(_slug(key), files))
    assert len({file.casefold() for file in files}) == len(files)
    assert not any(set(file) & set('/\\"<>|:*?') for file in files)


def test_quotes_and_backslashes_do_not_end_a_string_of_the_configuration():
    block = _block('3" a\\b', "file.bytes", (2, 3), 8)
    assert 'tensor_name: "3\\" a\\\\b"' in block

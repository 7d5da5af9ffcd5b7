import numpy as np
import pandas as pd
import pytest

from features.datasets import load_dataset
from features.errors import InputError
from features.splits import make_split
from features.structure.groups import groups_of

NAMES = [
    "good/part1_1.png",
    "good/part1_2.png",
    "bad/part2_1.jpg",
    "bad/lot7/part3_1.png",
    "good/part2_3.png",
]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"part(\d+)", ["1", "1", "2", "3", "2"]),
        (r"^(part\d+)_", ["part1", "part1", "part2", "part3", "part2"]),
        (r"^(?P<part>\w+?)_\d+\.", ["part1", "part1", "part2", "part3", "part2"]),
        (r"_(\d)$", ["1", "2", "1", "1", "3"]),
        (r"^(good|bad)/", ["good", "good", "bad", "bad", "good"]),
        (r"(?:part)(\d)(?:_\d)", ["1", "1", "2", "3", "2"]),
    ],
)
def test_a_regular_expression_with_one_capture_names_the_group(pattern, expected):
    assert groups_of(NAMES, pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"part\d+", "no capture; .* good/part1_1.png"),
        (r"(part)(\d+)", "2 captures; .* good/part1_1.png"),
        (r"part([12])_", "matches 4 of 5 file names, not bad/lot7/part3_1.png"),
        (r"part(9)?\d", "matches 0 of 5 file names, not good/part1_1.png"),
        (r"(part)", "every image has the same group, 'part' .*good/part1_1.png"),
        (r"part(\d", "no valid regular expression"),
        ("absent.csv", "absent.csv: no such CSV file"),
    ],
)
def test_an_expression_that_names_no_groups_is_one_line(pattern, said):
    with pytest.raises(InputError, match=said) as error:
        groups_of(NAMES, pattern)
    assert "\n" not in str(error.value)


def test_parent_takes_the_folder_below_the_class():
    names = ["good/lot1/a.png", "bad/lot1/b.png", "bad/lot2/x/c.png", "good/d.png"]
    assert groups_of(names, "parent") == ["lot1", "lot1", "lot2/x", None]
    with pytest.raises(InputError, match=r"no image lies in a folder of its own .*good/a.png"):
        groups_of(["good/a.png", "bad/b.png"], "parent")


@pytest.mark.parametrize(
    "text",
    [
        "image_id,group\ngood/part1_1,A\ngood/part1_2,A\nbad/part2_1,B\n",
        "path;group\ngood/part1_1.png;A\n.\\good\\part1_2.png;A\nbad/part2_1.jpg;B\n",
        "Group\tImage_ID\nA\tpart1_1\nA\tpart1_2.png\nB\tpart2_1.jpg\nC\telsewhere\n",
        "image_id,group,note\nROOT/good/part1_1.png,A,Größe\ngood/part1_2,A,\nbad/part2_1,B,\nbad/lot7/part3_1,,\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_csv_file_names_the_group(tmp_path, text, encoding):
    path = tmp_path / "groups.csv"
    path.write_bytes(text.replace("ROOT", str(tmp_path)).encode(encoding))
    assert groups_of(NAMES, str(path), tmp_path) == ["A", "A", "B", None, None]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a CSV file of groups"),
        (b"image_id,lot\na,b\n", "needs the columns image_id .*it has image_id, lot"),
        (b"image_id,group\na,b\n", "no image of this dataset a group, for example 'a'"),
        (b"image_id,group\ngood/part1_1,b\ngood/part1_1.png,c\n", "part1_1.png has two groups, 'b' and 'c'"),
        (b"image_id,group\ngood/part1_1,b\nbad/part2_1,b\n", "every image has the same group, 'b'"),
    ],
)
def test_a_csv_file_that_cannot_be_used_is_one_line(tmp_path, data, said):
    (tmp_path / "groups.csv").write_bytes(data)
    with pytest.raises(InputError, match=said) as error:
        groups_of(NAMES, str(tmp_path / "groups.csv"), tmp_path)
    assert "\n" not in str(error.value)


def test_folder_takes_a_group_and_keeps_it_whole(write_image, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(96):
        label = "good" if i // 3 % 2 else "bad"
        write_image(f"parts/{label}/part{i // 3}_{i % 3}.png", rng.integers(0, 255, (12, 12), dtype=np.uint8))
    data = load_dataset("folder", root=tmp_path / "parts", positive="bad", group=r"part(\d+)_")
    assert data.table["group"].nunique() == 32
    assert "32 groups of 3 to 3 images" in data.notes[0]
    split = make_split(data, kind="group", folds=3)
    assert (split.groupby(data.table["group"]).nunique() == 1).all()
    assert pd.Series(["train", "valid", "test"]).isin(split).all()

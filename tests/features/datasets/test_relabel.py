import pandas as pd
import pytest

from features.datasets import load_dataset
from features.datasets.relabel import relabel
from features.errors import InputError


@pytest.fixture
def dataset(parts):
    return load_dataset("folder", **parts)


def write(path, rows, columns=("image_id", "new_label")):
    pd.DataFrame(rows, columns=list(columns)).to_csv(path, index=False)
    return path


def test_labels_are_corrected_and_counted(dataset, tmp_path):
    first, second, third = dataset.table["image_id"][:3]
    was = dataset.table.set_index("image_id")["label"]
    other = next(name for name in dataset.classes if name != was[first])
    path = write(tmp_path / "fix.csv", [(first, other), (second, was[second]), (third, "")])
    found = relabel(dataset, path)
    labels = found.table.set_index("image_id")["label"]
    assert labels[first] == other and labels[second] == was[second] and labels[third] == was[third]
    assert f"1 labels corrected by {path}" in found.notes
    assert (dataset.y != found.y).sum() == 1


def test_good_and_defect_stand_for_classes(dataset, tmp_path):
    name = dataset.table.loc[dataset.y == 0, "image_id"].iloc[0]
    found = relabel(dataset, write(tmp_path / "fix.csv", [(name, "defect")], ("image_id", "label")))
    assert found.table.set_index("image_id")["label"][name] == dataset.positive[0]


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([("nobody", "good")], ("image_id", "new_label"), "no image 'nobody'"),
        ([(0, "purple")], ("image_id", "new_label"), "no class 'purple'; there are"),
        ([(0, "good"), (0, "good")], ("image_id", "new_label"), "occurs twice"),
        ([("a", "good")], ("name", "value"), "needs the columns image_id and new_label"),
    ],
)
def test_faults_are_named(dataset, tmp_path, rows, columns, message):
    ids = dataset.table["image_id"]
    rows = [(ids.iloc[first] if isinstance(first, int) else first, label) for first, label in rows]
    with pytest.raises(InputError, match=message):
        relabel(dataset, write(tmp_path / "fix.csv", rows, columns))


def test_a_missing_file_is_named(dataset, tmp_path):
    with pytest.raises(InputError, match="no such file of corrected labels"):
        relabel(dataset, tmp_path / "nothing.csv")

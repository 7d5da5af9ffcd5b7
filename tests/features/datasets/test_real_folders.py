"""Folders and tables as people have them, in every reader."""

import os
import shutil
import unicodedata

import numpy as np
import pytest

from features import datasets
from features.datasets.boxes import read_boxes
from features.datasets.relabel import relabel
from features.errors import InputError

RNG = np.random.default_rng(0)
JUNK = (".ipynb_checkpoints/0.png", "__MACOSX/._0.png", "._0.png", "Thumbs.db", "desktop.ini", "@eaDir/0.png")


def picture():
    return RNG.integers(0, 256, (16, 16), dtype=np.uint8)


def nexperia(write_image, root="n", count=4, good="{i}.png", bad="{i}.png"):
    for index in range(count):
        write_image(f"{root}/train/good/{good.format(i=index)}", picture())
        write_image(f"{root}/train/defect/{bad.format(i=index)}", picture())


def elpv(tmp_path, write_image, lines, root="e"):
    for index in range(6):
        write_image(f"{root}/images/{index}.png", picture())
    text = "\n".join(lines)
    (tmp_path / root / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path / root


# ---- hidden files, links, names


@pytest.mark.parametrize("junk", JUNK)
def test_no_reader_takes_hidden_or_system_files(tmp_path, write_image, parts, junk):
    nexperia(write_image)
    cells = elpv(tmp_path, write_image, ["images/0.png 0.0 mono", f"images/{junk} 1.0 mono"])
    source = tmp_path / "n/train/good/0.png"
    for place in ("parts", "parts/good", "n", "n/train", "n/train/good", "e/images"):
        place = tmp_path / place
        (place / junk).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place / junk)
    folder = datasets.load_dataset("folder", **parts)
    assert len(folder.table) == 40 and folder.classes == ("good", "scratch") and not folder.problems
    assert datasets.name_of(tmp_path / "n") == "nexperia"
    assert len(datasets.load_dataset("nexperia", root=tmp_path / "n").table) == 8
    found = datasets.load_dataset("elpv", root=cells)
    assert found.table["image_id"].tolist() == ["0"] and found.problems[0][1] == "hidden file"


def test_linked_classes_and_lots_are_read_in_every_reader(tmp_path, write_image, parts):
    nexperia(write_image)
    write_image("elsewhere/x.png", picture())
    for place in ("parts/good/lot2", "n/train/good/lot2"):
        os.symlink(tmp_path / "elsewhere", tmp_path / place)
    assert "good/lot2/x" in set(datasets.load_dataset("folder", **parts).table["image_id"])
    assert "x" in set(datasets.load_dataset("nexperia", root=tmp_path / "n").table["image_id"])


def test_a_class_that_is_a_link_to_another_is_named_and_no_class(tmp_path, parts):
    os.symlink(tmp_path / "parts/scratch", tmp_path / "parts/alias")
    dataset = datasets.load_dataset("folder", **parts)
    assert dataset.classes == ("good", "scratch") and len(dataset.table) == 40
    assert "read already" in dict(dataset.problems)[str(tmp_path / "parts/alias")]


def test_images_in_no_class_are_said(tmp_path, write_image, parts):
    write_image("parts/stray.png", picture())
    dataset = datasets.load_dataset("folder", **parts)
    assert len(dataset.table) == 40
    assert any("1 images lie in no folder of a class" in note for note in dataset.notes)


def test_files_of_one_stem_in_several_formats_get_an_id_each(write_image, tmp_path):
    for name in ("a.png", "a.jpg", "a.png.jpg", "b.png"):
        write_image(f"r/good/{name}", picture())
    write_image("r/bad/a.png", picture())
    table = datasets.load_dataset("folder", root=tmp_path / "r").table
    assert set(table["image_id"]) == {"bad/a", "good/a.png", "good/a.jpg", "good/a.png.jpg", "good/b"}


def test_names_that_look_like_numbers_or_nothing_are_text(write_image, tmp_path):
    for label in ("NA", "None"):
        for name in ("NA", "null", "007", "1e5", "nan"):
            write_image(f"r/{label}/{name}.png", picture())
    dataset = datasets.load_dataset("folder", root=tmp_path / "r", positive="NA")
    assert dataset.classes == ("NA", "None") and dataset.y.sum() == 5
    path = tmp_path / "fix.csv"
    path.write_text("image_id,new_label\nNA/007,None\nNA/null,None\nNone/1e5,NA\n")
    labels = relabel(dataset, path).table.set_index("image_id")["label"]
    assert (labels["NA/007"], labels["NA/null"], labels["None/1e5"]) == ("None", "None", "NA")


def test_composed_and_decomposed_names_match(write_image, tmp_path):
    nfd = unicodedata.normalize("NFD", "größe")
    for index in range(3):
        write_image(f"r/{nfd}/{nfd}{index}.png", picture())
        write_image(f"r/good/{index}.png", picture())
    dataset = datasets.load_dataset("folder", root=tmp_path / "r", positive="größe")
    assert dataset.positive == ("größe",) and "größe/größe0" in set(dataset.table["image_id"])
    assert datasets.load_dataset("folder", root=tmp_path / "r", positive=nfd).positive == ("größe",)
    path = tmp_path / "fix.csv"
    path.write_text(f"image_id,new_label\n{nfd}/{nfd}0,good\ngood/0,{nfd}\n")
    labels = relabel(dataset, path).table.set_index("image_id")["label"]
    assert labels["größe/größe0"] == "good" and labels["good/0"] == "größe"


# ---- relabel


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_corrections_are_read_in_any_encoding(tmp_path, parts, encoding, separator):
    dataset = datasets.load_dataset("folder", **parts)
    first = dataset.table["image_id"].iloc[0]
    path = tmp_path / "f.csv"
    text = f"image_id,new_label,note\n{first},scratch,Größe\n".replace(",", separator)
    path.write_bytes(text.encode(encoding))
    assert relabel(dataset, path).table["label"].iloc[0] == "scratch"


@pytest.mark.parametrize("data", [b"", b"image_id,new_label\na,b,c,d\n", b"\x00\x01\x02\x80" * 20])
def test_corrections_that_are_no_table_are_one_line(tmp_path, parts, data):
    path = tmp_path / "f.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"f\.csv"):
        relabel(datasets.load_dataset("folder", **parts), path)


def test_corrections_touch_train_and_valid_and_test_labels_only_with_a_flag(tmp_path, parts):
    dataset = datasets.load_dataset("folder", **parts)
    good = dataset.table[dataset.table["label"] == "good"]["image_id"].tolist()[:3]
    split = ["test"] * len(dataset.table)
    split[0], split[1] = "train", "valid"
    path = tmp_path / "f.csv"
    path.write_text("image_id,new_label\n" + "".join(f"{name},scratch\n" for name in good))
    found = relabel(dataset, path, split)
    assert found.table["label"].tolist()[:3] == ["scratch", "scratch", "good"]
    assert f"2 labels corrected by {path}" in found.notes
    assert any("1 corrections" in note and "test images" in note for note in found.notes)
    assert relabel(dataset, path, split, test_labels=True).table["label"].tolist()[:3] == ["scratch"] * 3
    assert relabel(dataset, path).table["label"].tolist()[:3] == ["scratch"] * 3


# ---- Nexperia


def test_nexperia_keeps_equal_names_of_two_classes_apart(write_image, tmp_path):
    nexperia(write_image)
    dataset = datasets.load_dataset("nexperia", root=tmp_path / "n")
    assert dataset.table["label"].value_counts().to_dict() == {"good": 4, "defect": 4}
    assert {"train/good/0", "train/defect/0"} <= set(dataset.table["image_id"])


def test_nexperia_keeps_equal_names_of_two_lots_apart(write_image, tmp_path):
    for lot in ("lotA", "lotB"):
        nexperia(write_image, good=lot + "/{i}.png", bad=lot + "/d{i}.png")
    table = datasets.load_dataset("nexperia", root=tmp_path / "n").table
    assert len(table) == 16 and table["image_id"].is_unique
    assert set(table["group"]) == {"lotA", "lotB"}


def test_nexperia_boxes_of_equal_names_go_to_the_defect_or_the_path(write_image, tmp_path):
    nexperia(write_image, count=2)
    for lot in ("lotA", "lotB"):
        write_image(f"n/train/defect/{lot}/9.png", picture())
    (tmp_path / "n/defect_area.csv").write_text(
        "id,x_1,y_1,x_2,y_2\n0.png,1,1,5,5\nlotA/9.png,2,2,6,6\n9.png,3,3,7,7\n"
    )
    dataset = datasets.load_dataset("nexperia", root=tmp_path / "n")
    boxes = dataset.table.set_index("image_id")["x1"].dropna().to_dict()
    assert boxes == {"train/defect/0": 1, "train/defect/lotA/9": 2}
    assert any("1 boxes fit several images" in note for note in dataset.notes)


@pytest.mark.parametrize(
    "further", ["valid/good/1.png", "train/scratch/1.png", "test/good/1.png", "val/x.png"]
)
def test_other_layouts_are_not_claimed_as_nexperia(write_image, tmp_path, further):
    nexperia(write_image)
    assert datasets.name_of(tmp_path / "n") == "nexperia"
    write_image(f"n/{further}", picture())
    assert datasets.name_of(tmp_path / "n") == "folder"
    notes = datasets.load_dataset("nexperia", root=tmp_path / "n").notes
    note = next(note for note in notes if "that the layout does not have are left out" in note)
    assert further.split("/")[0] in note


# ---- ELPV


@pytest.mark.parametrize(
    "bad", ["nan", "NA", "33.3", "-1", "inf", "-inf", "1.01", "bad", "None", "1e400", "0_1"]
)
def test_a_label_that_is_no_number_from_0_to_1_is_left_out_and_named(tmp_path, write_image, bad):
    lines = [f"images/0.png {bad} mono", *(f"images/{i}.png {i % 2}.0 mono" for i in range(1, 6))]
    dataset = datasets.load_dataset("elpv", root=elpv(tmp_path, write_image, lines))
    assert len(dataset.table) == 5
    ((path, reason),) = dataset.problems
    assert path.endswith("images/0.png") and repr(bad) in reason and "no number from 0 to 1" in reason


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", ["  ", ",", ";", "\t"])
def test_elpv_labels_in_other_forms(tmp_path, write_image, encoding, separator):
    root = elpv(tmp_path, write_image, [])
    write_image("e/images/größe 1.png", picture())
    lines = ["images/0.png,0.5,mono", "images/größe 1.png,1.0,NA", "images/1.png,0.3333333333333333,poly"]
    text = "\n".join(line.replace(",", separator) for line in lines) + "\n"
    (root / "labels.csv").write_bytes(text.encode(encoding))
    table = datasets.load_dataset("elpv", root=root).table
    assert table["image_id"].tolist() == ["0", "größe 1", "1"]
    assert table["type"].tolist() == ["mono", "NA", "poly"]
    assert table["probability"].tolist() == [0.5, 1.0, 1 / 3]


@pytest.mark.parametrize(
    "text", ["", "images/0.png 0.5\n", "file,label\na.png,1\n", "path,label,split\na.png,x,y\n"]
)
def test_elpv_labels_of_another_form_are_one_line(tmp_path, write_image, text):
    root = elpv(tmp_path, write_image, [text])
    with pytest.raises(InputError, match=r"labels\.csv") as caught:
        datasets.load_dataset("elpv", root=root)
    assert "\n" not in str(caught.value)


def test_elpv_rows_that_come_twice_are_named(tmp_path, write_image):
    lines = [
        "images/0.png 0.0 mono",
        "images/1.png 1.0 mono",
        "images/0.png 1.0 mono",
        "images/1.png 1.0 mono",
    ]
    dataset = datasets.load_dataset("elpv", root=elpv(tmp_path, write_image, lines))
    assert len(dataset.table) == 2
    assert [reason.split(" (")[0] for _, reason in dataset.problems] == [
        "listed again, with another label 1.0", "listed again",
    ]  # fmt: skip


def test_elpv_files_of_one_name_in_two_folders_are_two_images(tmp_path, write_image):
    lines = ["images/0.png 0.0 mono", "images/b/0.png 1.0 mono", "images/1.png 1.0 mono"]
    table = datasets.load_dataset("elpv", root=elpv(tmp_path, write_image, lines)).table
    assert table["image_id"].tolist() == ["images/0", "images/b/0", "1"]


@pytest.mark.parametrize(
    "text", ["image_id,label\ngood/1,good\n", "images/0.png 0.0 mono\n", "good/1.png,0,mono\n", ""]
)
def test_labels_csv_beside_class_folders_is_not_elpv(tmp_path, parts, text):
    (tmp_path / "parts/labels.csv").write_text(text)
    assert datasets.name_of(parts["root"]) == "folder"
    assert len(datasets.load_dataset("folder", **parts).table) == 40


def test_elpv_is_recognised(tmp_path, write_image):
    root = elpv(tmp_path, write_image, ["images/0.png  0.0  mono"])
    (root / ".ipynb_checkpoints").mkdir()
    assert datasets.name_of(root) == "elpv"


# ---- boxes


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_boxes_in_other_encodings(tmp_path, encoding, separator):
    path = tmp_path / "b.csv"
    text = "id,x_1,y_1,x_2,y_2\ngröße.bmp,1,2,3,4\n007,5,6,7,8\nNA,,,,\n".replace(",", separator)
    path.write_bytes(text.encode(encoding))
    boxes = read_boxes([path])
    assert boxes["image_id"].tolist() == ["größe", "007", "NA"]
    assert boxes["x1"].tolist()[:2] == [1, 5] and np.isnan(boxes["x1"][2])


@pytest.mark.parametrize("data", [b"", b"id,x_1,y_1,x_2,y_2\na,1,2\n", b"a,1,2,3,4,5,6,7,8\n"])
def test_boxes_that_are_no_table_are_one_line(tmp_path, data):
    path = tmp_path / "b.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"b\.csv"):
        read_boxes([path])

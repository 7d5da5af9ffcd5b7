import shutil

import numpy as np
import pandas as pd
import pytest

from features import datasets
from features.chips.statistics import DEFECTS
from features.datasets.boxes import class_name, mend_boxes, read_boxes, without_suffix
from features.datasets.check import check_dataset
from features.datasets.nexperia import find_layout, lot_of
from features.datasets.regions import defect_regions
from features.errors import InputError

GREY = np.zeros((267, 275), np.uint8)


def draw(write_image, *names):
    rng = np.random.default_rng(len(names))
    for name in names:
        write_image(name, rng.integers(0, 256, (267, 275), dtype=np.uint8))


@pytest.fixture
def second(tmp_path, write_image):
    """The second contest's layout in a wrapping folder, with faults in its boxes."""
    folder = "wrap/train/train_contest"
    names = [f"WEL92522{i}H1A_01-APG_ITIS_H09_2_{i}_2" for i in range(8)]
    draw(write_image, *(f"{folder}/good_all/{name}.bmp" for name in names[:3]))
    draw(write_image, *(f"{folder}/defect/{name}.bmp" for name in names[3:]))
    draw(write_image, "wrap/test/test_contest/deep/T1.bmp", "wrap/test/test_contest/T2.bmp")
    rows = [
        f"{names[3]}.bmp,30,40,90,120",  # with a suffix
        f"{names[4]},200,150,100,50",  # swapped corners
        f"{names[5]},-20,10,300,260",  # outside the image
        f"{names[6]},,,,",  # missing values
        f"{names[7]},60,60,60,60",  # no area
        "stranger,1,1,9,9",
    ]
    (tmp_path / "wrap" / "defect_area.csv").write_text("id,x_1,y_1,x_2,y_2\n" + "\n".join(rows) + "\n")
    (tmp_path / "wrap/train/lead_defect.csv").write_text(f"{names[3]},lead_defect,rectangle,30,40,90,120\n")
    (tmp_path / "wrap/train/device_flip.csv").write_text(
        f"{names[3]}.bmp,device flip,rectangle,10,10,250,250\n"
    )
    (tmp_path / "wrap" / "submission_sample.csv").write_text("id,defect_score\nT2,0\nT1,0\n")
    return tmp_path / "wrap", names


def test_the_second_layout_with_every_fault(second, tmp_path):
    root, names = second
    dataset = datasets.load_dataset("nexperia", root=tmp_path)
    table = dataset.table.set_index("image_id")
    assert len(table) == 8 and dataset.y.sum() == 5
    assert sorted(p.rsplit("/", 1)[1] for p in dataset.unlabelled) == ["T1.bmp", "T2.bmp"]
    assert table.loc[names[3], "defects"] == "lead defect|device flip"
    assert table.loc[names[3], "label"] == "lead defect"
    # The box of the image's own class, and all boxes: one that two files list counts once.
    assert table.loc[names[3], ["x1", "y1", "x2", "y2"]].tolist() == [30, 40, 90, 120]
    assert table.loc[names[3], "boxes"] == "30 40 90 120;10 10 250 250"
    assert table.loc[[names[4], names[6]], "boxes"].tolist() == ["100 50 200 150", ""]
    regions = defect_regions(dataset.table.assign(y=dataset.y, height=267, width=275)).table
    assert regions["image_id"].value_counts().to_dict() == {names[3]: 2, names[4]: 1, names[5]: 1}
    assert table.loc[names[4], ["x1", "y1", "x2", "y2"]].tolist() == [100, 50, 200, 150]
    assert table.loc[names[5], ["x1", "y1", "x2", "y2"]].tolist() == [0, 10, 274, 260]
    assert table.loc[names[6:], "x1"].isna().all()
    assert table["group"].nunique() == 8 and table["group"].iloc[0] == "WEL925220H1A"
    notes = " ".join(dataset.notes)
    for repair in ("1 with missing values", "1 with swapped corners", "1 clipped", "1 without area"):
        assert repair in notes
    assert "1 boxes belong to no image here" in notes


def test_missing_boxes_are_filled_with_the_median_when_asked(second):
    root, names = second
    table = datasets.load_dataset("nexperia", root=root, fill_missing_boxes=True).table
    filled = table.set_index("image_id").loc[names[6:], ["x1", "y1", "x2", "y2"]]
    assert filled.notna().all(axis=None)
    assert (filled["x2"] > filled["x1"]).all()


@pytest.mark.parametrize(
    ("good", "bad", "test", "layout"),
    [
        ("train/good_0/a.jpg", "train/bad_1/b.jpg", "test/all_tests/c.jpg", "first"),
        (
            "train/train_contest/good_all/a.bmp", "train/train_contest/defect/b.bmp",
            "test/test_contest/x/c.bmp", "second",
        ),
        ("train/good/a.png", "train/defect/chipping/b.png", "test/c.png", "rearranged"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrap", ["", "outer/", "outer/inner/"])
def test_layouts_are_told_apart(tmp_path, write_image, good, bad, test, layout, wrap):
    draw(write_image, f"root/{wrap}{good}", f"root/{wrap}{bad}", f"root/{wrap}{test}")
    assert find_layout(tmp_path / "root")[1] == layout
    assert datasets.name_of(tmp_path / "root") == "nexperia"
    dataset = datasets.load_dataset("nexperia", root=tmp_path / "root")
    assert dict(zip(dataset.table["image_id"], dataset.y, strict=True)) == {"a": 0, "b": 1}
    assert len(dataset.unlabelled) == 1
    assert dataset.table["label"].iloc[1] == ("chipping" if "chipping" in bad else "defect")


def test_other_folders_are_refused(tmp_path, parts):
    with pytest.raises(InputError, match="none of Nexperia's layouts; expected the folders train/good_0"):
        datasets.load_dataset("nexperia", root=parts["root"])
    assert datasets.name_of(parts["root"]) == "folder"


def test_an_image_in_two_defect_folders_occurs_once(tmp_path, write_image):
    draw(write_image, "r/train/good/a.png", "r/train/defect/lead_defect/b.png")
    (tmp_path / "r/train/defect/device flip").mkdir()
    shutil.copy(tmp_path / "r/train/defect/lead_defect/b.png", tmp_path / "r/train/defect/device flip")
    dataset = datasets.load_dataset("nexperia", root=tmp_path / "r")
    assert len(dataset.table) == 2 and dataset.table["defects"].iloc[1] == "lead defect|device flip"
    assert "occur once" in " ".join(dataset.notes)


def test_an_image_among_good_and_bad_is_bad_and_told(tmp_path, write_image):
    draw(write_image, "r/train/good/a.png", "r/train/good/b.png")
    (tmp_path / "r/train/defect").mkdir()
    shutil.copy(tmp_path / "r/train/good/b.png", tmp_path / "r/train/defect")
    dataset = datasets.load_dataset("nexperia", root=tmp_path / "r")
    assert dict(zip(dataset.table["image_id"], dataset.y, strict=True)) == {"a": 0, "b": 1}
    assert "1 images are among good and defective" in " ".join(dataset.notes)


def test_box_files_of_another_form_are_named(tmp_path):
    path = tmp_path / "b.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"b\.csv: 2 columns; expected id,x_1,y_1,x_2,y_2 or image_id,class"):
        read_boxes([path])


def test_a_stated_header_is_no_row(tmp_path):
    path = tmp_path / "b.csv"
    path.write_text("image_id,class,shape,x1,y1,x2,y2\nq,foreign_material,rectangle,1,2,3,4\n")
    boxes = read_boxes([path])
    assert boxes.to_dict("records") == [
        {"image_id": "q", "file": "q", "defect_class": "foreign material", "x1": 1, "y1": 2, "x2": 3, "y2": 4}
    ]


def test_median_of_the_class_fills_its_own_gaps():
    boxes = pd.DataFrame(
        {
            "image_id": list("abcd"),
            "defect_class": ["chipping", "chipping", "scratch", "scratch"],
            "x1": [10.0, np.nan, 100, 100], "y1": [10.0, np.nan, 100, 100],
            "x2": [30.0, np.nan, 150, 150], "y2": [30.0, np.nan, 150, 150],
        }
    )  # fmt: skip
    mended = mend_boxes(boxes, width=275, height=267, fill_missing=True)
    assert mended.table.loc[1, ["x1", "y1", "x2", "y2"]].tolist() == [10, 10, 30, 30]
    assert mended.repairs["filled with a median box"] == 1


@pytest.mark.parametrize("name", ["dir/a.b.BMP", "a.b.jpg", "a.b"])
def test_ids_lose_image_suffixes_only(name):
    assert without_suffix(name) == "a.b"


def test_names():
    assert lot_of("WEL925224H1A_01-APG_ITIS_H09_2_15_2") == "WEL925224H1A"
    assert class_name(" Lead_Defect ") == class_name("lead-defect") == "lead defect"


def test_check_names_leaks_copies_and_damage(tmp_path, write_image):
    rng = np.random.default_rng(0)
    shared, copied = rng.integers(0, 256, (2, 267, 275), dtype=np.uint8)
    for name in ("r/train/good/a.png", "r/train/defect/b.png", "r/test/t.png"):
        write_image(name, shared)
    for name in ("r/train/good/c.png", "r/train/good/d.png"):
        write_image(name, copied)
    (tmp_path / "r/train/good/bad.png").write_bytes(b"junk")
    report = check_dataset(datasets.load_dataset("nexperia", root=tmp_path / "r"))
    assert not report.sound
    assert len(report.leaks) == 1 and "labels defect and good" in report.leaks[0]
    assert all(name in report.leaks[0] for name in ("a.png", "b.png", "t.png"))
    assert len(report.copies) == 1 and "2 times in good" in report.copies[0]
    assert [path.rsplit("/", 1)[1] for path, _ in report.unreadable] == ["bad.png"]
    assert report.counts["images"].sum() == 6
    assert report.sizes[["width", "height", "images"]].to_numpy().tolist() == [[275, 267, 5]]


def test_check_finds_a_test_image_among_the_training_images(tmp_path, write_image):
    image = np.random.default_rng(0).integers(0, 256, (267, 275), dtype=np.uint8)
    write_image("r/train/good/a.png", image)
    write_image("r/train/defect/b.png", GREY)
    write_image("r/test/t.png", image)
    report = check_dataset(datasets.load_dataset("nexperia", root=tmp_path / "r"))
    assert len(report.leaks) == 1 and "(unlabelled)" in report.leaks[0]


#: One box of each class of the second contest, in the form of its `defect_area.csv`; two have no area.
BOXES = """\
image_id,class,shape,x1,y1,x2,y2
SOT23DUMMY01_04-APG_ITIS_H52_1_111_4,chipping,rectangle,40,100,99,198
WEE939001B0A_14-APG_ITIS_H20_1_374_4,foreign_material,rectangle,106,90,242,134
WEL92839355A_39_2_250_4,lead_defect,rectangle,106,207,151,235
WEL92831423A_04-APG_ITIS_H166_2_119_2,lead_glue,rectangle,184,59,223,84
WEL93143855A_19-APG_ITIS_H09_1_159_3,marking_defect,rectangle,64,97,234,168
WEP931072D2A_09-APG_ITIS_H54_1_362_3,pocket_damage,rectangle,40,88,60,164
WEA938001D1A_48-APG_ITIS_H51_2_203_1,scratch,rectangle,25,86,229,175
WEL92905817A_20-APG_ITIS_H13_1_358_4,chipping,rectangle,183,137,183,137
WEP936318D2A_51-APG_ITIS_H52_1_209_3,chipping,rectangle,20,76,20,76
"""


def test_boxes_of_every_class_parse(tmp_path):
    path = tmp_path / "defect_area.csv"
    path.write_text(BOXES)
    boxes = read_boxes([path])
    assert len(boxes) == 9
    mended = mend_boxes(boxes, width=275, height=267)
    assert mended.repairs["without area"] == 2
    assert sum(mended.repairs.values()) == 2
    assert mended.table["x1"].notna().sum() == 7
    assert set(boxes["defect_class"]) == set(DEFECTS) - {"empty pocket", "device flip"}


def test_patterns_choose_among_nexperias_files(second, tmp_path):
    root, names = second
    whole = datasets.load_dataset("nexperia", root=tmp_path)
    dataset = datasets.load_dataset("nexperia", root=tmp_path, exclude=f"{names[0]}*")
    assert set(whole.table["image_id"]) - set(dataset.table["image_id"]) == {names[0]}
    assert dataset.unlabelled == whole.unlabelled
    note = f"1 images left out by --include or --exclude (first: train/train_contest/good_all/{names[0]}.bmp)"
    assert note in dataset.notes
    chosen = datasets.load_dataset("nexperia", root=root, include=("train/*", "*T2.bmp"))
    assert len(chosen.table) == len(whole.table)
    assert [path.rsplit("/", 1)[1] for path in chosen.unlabelled] == ["T2.bmp"]
    with pytest.raises(InputError, match="--include and --exclude leave none of 8 images"):
        datasets.load_dataset("nexperia", root=root, include="test/*")

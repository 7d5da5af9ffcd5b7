import numpy as np
import pandas as pd
import pytest
from PIL import Image

from features import datasets
from features.chips import HEIGHT, WIDTH, draw_chip
from features.chips.sheet import contact_sheet
from features.chips.statistics import BOXES, COUNTS, DEFECTS, SHARES, TOTAL, draw_box, kind_of
from features.chips.writer import write_chips
from features.datasets.check import check_dataset
from features.errors import InputError


def test_a_chip_is_a_function_of_seed_and_index():
    first, second = draw_chip(3, 41), draw_chip(3, 41)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.defects == second.defects and first.name == second.name
    assert first.pixels.shape == (HEIGHT, WIDTH) and first.pixels.dtype == np.uint8
    assert (draw_chip(4, 41).pixels != first.pixels).any()
    assert (draw_chip(3, 42).pixels != first.pixels).any()


def test_the_shares_are_the_real_ones():
    kinds = pd.Series([kind_of(0, index) for index in range(TOTAL)])
    found = kinds.map(lambda kind: (kind[0], "good" if kind[1] == "good" else "bad")).value_counts()
    for key, count in COUNTS.items():
        assert abs(found[key] - count) <= 4
    defects = kinds.map(lambda kind: kind[1]).value_counts()
    scale = sum(defects[name] for name in DEFECTS if name in defects) / sum(SHARES.values())
    for name in DEFECTS:
        assert abs(defects.get(name, 0) - SHARES[name] * scale) <= 4


@pytest.mark.parametrize("name", DEFECTS)
def test_boxes_follow_the_real_quantiles(name):
    rng = np.random.default_rng(0)
    boxes = np.array([draw_box(name, rng) for _ in range(4000)], float)
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2] < WIDTH).all() and (boxes[:, 3] < HEIGHT).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    size = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, 2:] + boxes[:, :2]) / 2
    wanted = BOXES[name]
    for values, quantiles in (
        (size[:, 0], wanted.width),
        (size[:, 1], wanted.height),
    ):
        np.testing.assert_allclose(np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95)), quantiles, atol=9)
    # Wide boxes cannot lie at the edge, which pulls the outer quantiles of the centre inwards.
    for values, quantiles in ((centre[:, 0], wanted.centre_x), (centre[:, 1], wanted.centre_y)):
        np.testing.assert_allclose(np.quantile(values, (0.25, 0.5, 0.75)), quantiles[1:4], atol=26)


@pytest.mark.parametrize("name", [name for name in DEFECTS if name != "device flip"])
def test_a_defect_changes_pixels_inside_its_box_only(name):
    index = next(i for i in range(40_000) if kind_of(0, i)[1] == name)
    plain = draw_chip(0, index)
    faint = draw_chip(0, index, difficulty=1e9)
    x1, y1, x2, y2 = plain.defects[0][1]
    change = np.abs(plain.pixels.astype(int) - faint.pixels.astype(int)) > 12
    if name == "empty pocket":  # has no faint form
        assert plain.pixels[y1:y2, x1:x2].std() < 90
        return
    rows, columns = np.nonzero(change)
    assert len(rows) > 8
    assert rows.min() >= y1 - 3 and columns.min() >= x1 - 3
    assert rows.max() <= y2 + 14 and columns.max() <= x2 + 14


def test_label_noise_turns_its_share_and_keeps_the_truth():
    chips = [draw_chip(0, index, label_noise=0.2) for index in range(400)]
    train = [chip for chip in chips if chip.split == "train"]
    assert 0.13 < np.mean([chip.mislabelled for chip in train]) < 0.27
    assert not any(chip.mislabelled for chip in chips if chip.split == "test")
    assert all(chip.labelled_bad != chip.truly_bad for chip in chips if chip.mislabelled)


@pytest.mark.parametrize(("layout", "suffix"), [("first", ".jpg"), ("second", ".bmp")])
def test_the_layout_is_written_whole_and_read_back(tmp_path, layout, suffix):
    done = []
    write_chips(tmp_path / "c", n=80, seed=1, layout=layout, workers=1, progress=done.append)
    assert done[-1] == 80
    truth = pd.read_csv(tmp_path / "c" / "truth.csv")
    dataset = datasets.load_dataset("nexperia", root=tmp_path / "c")
    train = truth[truth["split"] == "train"].set_index("id")
    assert len(dataset.table) == len(train) and len(dataset.unlabelled) == 80 - len(train)
    np.testing.assert_array_equal(dataset.y, train.loc[dataset.table["image_id"], "label"])
    assert dataset.table["path"].str.endswith(suffix).all()
    bad = dataset.table[dataset.y == 1]
    assert bad[["x1", "y1", "x2", "y2"]].notna().all(axis=None)
    assert dataset.table.loc[dataset.y == 0, "x1"].isna().all()
    with Image.open(dataset.table["path"].iloc[0]) as image:
        assert image.size == (WIDTH, HEIGHT) and image.mode == "L"
    if layout == "second":
        wanted = train.loc[bad["image_id"], "defects"].str.split("|").str[0]
        assert set(bad["label"]) == set(wanted)
    assert check_dataset(dataset).sound


def test_two_processes_write_what_one_does(tmp_path):
    for workers in (1, 2):
        write_chips(tmp_path / str(workers), n=130, layout="second", workers=workers)
    files = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file())
    assert len(files) > 130
    for name in files:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"layout": "third"}, "choose first or second"), ({"n": 0}, "n of 1 or more"),
     ({"difficulty": 0}, "positive difficulty"), ({"label_noise": 1.0}, "share under 1")],
)  # fmt: skip
def test_settings_out_of_range_are_named(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        write_chips(tmp_path / "c", **{"n": 3, **options})


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something already"):
        write_chips(tmp_path, n=3)
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]


def test_an_interrupted_writing_leaves_nothing(tmp_path, monkeypatch):
    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_chips(tmp_path / "c", n=5, workers=1, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_chips_know_their_test_labels_and_their_truth(tmp_path):
    dataset = datasets.load_dataset("chips", n=120, label_noise=0.1, keep_in=tmp_path / "c")
    table = dataset.table
    assert set(table["split"]) == {"train", "test"} and len(table) == 120
    test = table[table["split"] == "test"]
    np.testing.assert_array_equal(test["truth"], dataset.y[test.index])
    train = table[table["split"] == "train"]
    assert 0 < (train["truth"] != dataset.y[train.index]).mean() < 0.3
    assert set(table["label"]) - {"good", "defect"} <= set(DEFECTS)


def test_the_contact_sheet_has_sixteen_photographs():
    sheet = contact_sheet()
    assert sheet.shape == (4 * (HEIGHT + 6), 4 * (WIDTH + 6)) and sheet.dtype == np.uint8

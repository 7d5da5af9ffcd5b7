"""Masks are told from photographs, kept for their photograph, and never embedded."""

import numpy as np
import pytest

from features.datasets import load_dataset
from features.pixels.find import find_images
from features.pixels.masks import binary_degree

RNG = np.random.default_rng(0)


def photograph():
    return RNG.integers(0, 256, (16, 20), dtype=np.uint8)


def mask(high=255):
    pixels = np.zeros((16, 20), np.uint8)
    pixels[3:9, 4:12] = high
    return pixels


def pairs(write_image, root, photo, other, classes=("good", "scratch"), count=6, options=None):
    for label in classes:
        for index in range(count):
            write_image(f"{root}/{photo.format(label=label, i=index)}", photograph())
            empty = label == "good"
            pixels = np.zeros((16, 20), np.uint8) if empty else mask()
            write_image(f"{root}/{other.format(label=label, i=index)}", pixels, **(options or {}))


@pytest.mark.parametrize(
    ("photo", "other"),
    [
        ("{label}/{i}.jpg", "{label}/{i}.png"),
        ("{label}/{i}.bmp", "{label}/{i}.png"),
        ("{label}/Imgs/{i}.jpg", "{label}/Imgs/{i}.png"),
        ("{label}/{i}.png", "{label}/{i}_mask.png"),
        ("{label}/{i}.png", "{label}/{i}_GT.png"),
        ("{label}/{i}.jpg", "{label}/{i}_label.bmp"),
        ("{label}/{i}.png", "{label}/mask_{i}.png"),
        ("{label}/{i}.jpg", "{label}/{i}.jpg.png"),
        ("{label}/{i}.png", "{label}/mask/{i}.png"),
        ("{label}/{i}.png", "{label}/Masks/{i}.png"),
        ("{label}/{i}.png", "ground_truth/{label}/{i}_mask.png"),
        ("{label}/{i}.png", "Ground Truth/{label}/{i}.png"),
        ("{label}/images/{i}.png", "{label}/labels/{i}.png"),
        ("{label}/{i}.PNG", "{label}/Label/{i}_label.PNG"),
    ],
)
def test_masks_are_not_counted_as_photographs(write_image, tmp_path, photo, other):
    pairs(write_image, "r", photo, other)
    dataset = load_dataset("folder", root=tmp_path / "r", positive="scratch")
    assert len(dataset.table) == 12 and dataset.classes == ("good", "scratch")
    assert dataset.table["label"].value_counts().to_dict() == {"good": 6, "scratch": 6}
    each = [{"label": label, "i": i} for label in ("good", "scratch") for i in range(6)]
    root = tmp_path / "r"
    expected = {str(root / photo.format(**one)): str(root / other.format(**one)) for one in each}
    assert dict(zip(dataset.table["path"], dataset.table["mask"], strict=True)) == expected
    assert any("12 binary images are masks, not photographs" in note for note in dataset.notes)


def test_photographs_without_a_mask_have_none(write_image, tmp_path):
    pairs(write_image, "r", "{label}/{i}.jpg", "{label}/{i}.png", classes=("scratch",))
    for index in range(3):
        write_image(f"r/good/{index}.jpg", photograph())
    table = load_dataset("folder", root=tmp_path / "r", positive="scratch").table
    assert table.loc[table["label"] == "good", "mask"].tolist() == [None, None, None]
    assert table.loc[table["label"] == "scratch", "mask"].notna().all()


def test_a_folder_of_masks_beside_the_classes_is_no_class(write_image, tmp_path):
    pairs(write_image, "r", "{label}/{i}.png", "ground_truth/{label}/{i}.png")
    write_image("r/masks/stray.png", mask())
    dataset = load_dataset("folder", root=tmp_path / "r", positive="scratch")
    assert dataset.classes == ("good", "scratch")
    assert any("1 masks belong to no photograph" in note for note in dataset.notes)


def test_masks_of_other_forms_are_binary_too():
    soft = mask().astype(float)
    soft[3:9, 4] = 128
    assert [binary_degree(m) for m in (mask(), mask(1), mask(0), mask() > 0)[:3]] == [2, 2, 2]
    assert binary_degree(np.dstack([mask(), mask() * 0, mask() * 0])) == 2
    assert binary_degree(soft.astype(np.uint8)) == 1
    assert binary_degree(photograph()) == 0
    assert binary_degree(np.dstack([photograph()] * 3)) == 0
    dim = RNG.normal(90, 12, (32, 32)).clip(0, 255).astype(np.uint8)
    assert binary_degree(dim) == 0


def test_masks_stored_as_jpeg_are_masks(write_image, tmp_path):
    pairs(write_image, "r", "{label}/{i}.png", "{label}/masks/{i}.jpg", options={"quality": 95})
    assert len(load_dataset("folder", root=tmp_path / "r", positive="scratch").table) == 12


def test_photographs_in_a_folder_named_mask_stay_and_are_said(write_image, tmp_path):
    for index in range(4):
        write_image(f"r/mask/{index}.png", photograph())
        write_image(f"r/no mask/{index}.png", photograph())
    dataset = load_dataset("folder", root=tmp_path / "r", positive="no mask")
    assert dataset.classes == ("mask", "no mask") and len(dataset.table) == 8
    assert "mask" not in dataset.table
    assert any("more than two values and count as photographs" in note for note in dataset.notes)


def test_binary_drawings_without_photographs_are_images(write_image, tmp_path):
    for label in ("good", "bad"):
        for index in range(3):
            write_image(f"r/{label}/{index}.png", mask())
            write_image(f"r/{label}/{index}.bmp", mask())
    assert len(load_dataset("folder", root=tmp_path / "r").table) == 12


def test_predict_leaves_masks_out(write_image, tmp_path):
    pairs(write_image, "r", "{label}/{i}.jpg", "{label}/{i}.png")
    found = find_images(tmp_path / "r")
    assert len(found.relative) == 12 and all(path.endswith(".jpg") for path in found.relative)
    assert found.ids[0] == "good/0" and found.masks[0] == str(tmp_path / "r/good/0.png")


def test_include_and_exclude_choose_the_rest(write_image, tmp_path):
    pairs(write_image, "r", "{label}/{i}.jpg", "{label}/{i}_overlay.png")
    for label in ("good", "scratch"):
        for index in range(6):
            write_image(f"r/{label}/{index}_overlay.png", photograph())
    options = {"root": tmp_path / "r", "positive": "scratch"}
    assert len(load_dataset("folder", **options).table) == 24
    for chosen in ({"include": "*.jpg"}, {"exclude": ("*_overlay.*",)}, {"include": ("*/?.jpg",)}):
        dataset = load_dataset("folder", **options, **chosen)
        assert len(dataset.table) == 12
        assert any("12 images left out by --include or --exclude" in note for note in dataset.notes)
    with pytest.raises(ValueError, match="leave none of 24 images"):
        load_dataset("folder", **options, include="*.gif")

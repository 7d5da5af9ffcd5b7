"""Regions from boxes and masks: whatever is not usable is counted, and nothing is dropped silently."""

import numpy as np
import pandas as pd
import pytest

from features.datasets.regions import defect_regions, has_regions, region_masks
from features.pixels.arrays import load_images

SIZE = {"height": 40, "width": 60}
NAN = float("nan")


def table(*rows):
    images = pd.DataFrame([{"image_id": f"i{n}", **SIZE, **row} for n, row in enumerate(rows)])
    for corner in ("x1", "y1", "x2", "y2"):
        images[corner] = images[corner].astype(float) if corner in images else NAN
    return images


def box(*corners, y=1, **more):
    return {"y": y, **dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True)), **more}


def test_every_kind_of_box_is_counted():
    images = table(
        box(5, 6, 20, 30),
        box(NAN, NAN, NAN, NAN),
        box(70, 5, 90, 20),  # outside
        box(50, 30, 80, 45),  # clipped
        box(20, 30, 5, 6),  # swapped
        box(8, 8, 8, 8),  # no area
        box(5, 5, 9, 9, y=0),
        box(NAN, NAN, NAN, NAN, y=0),
        box(5, NAN, 9, 9),
    )
    found = defect_regions(images)
    assert found.table["image_id"].tolist() == ["i0", "i3", "i4"]
    assert found.table.set_index("image_id").loc["i3", ["x2", "y2"]].tolist() == [59, 39]
    assert set(found.table["source"]) == {"box"}
    counts = found.counts
    assert counts["good images"] == 2 and counts["defective images"] == 7
    assert counts["defective images with a box or a mask"] == 3
    assert counts["defective images without a usable box or mask"] == 4
    assert counts["good images with a box or a mask, not used"] == 1
    repairs = {name.removeprefix("boxes "): n for name, n in counts.items() if name.startswith("boxes ")}
    assert repairs == {"with missing values": 1, "with swapped corners": 1, "wholly outside the image": 1,
                       "clipped to the image": 1, "without area": 1}  # fmt: skip


def test_images_of_several_sizes_and_several_boxes():
    images = table(
        box(1, 1, 5, 5, boxes="1 1 5 5;10 10 20 20;70 0 80 4"),
        {**box(1, 1, 90, 90), "height": 100, "width": 99},
    )
    images["boxes"] = images["boxes"].fillna("")
    found = defect_regions(images)
    assert found.table["image_id"].tolist() == ["i0", "i0", "i1"]
    assert found.table["x2"].tolist() == [5, 20, 90]
    assert found.counts["boxes wholly outside the image"] == 1


def mask_of(*corners, size=(40, 60), high=255):
    pixels = np.zeros(size, np.uint8)
    for x1, y1, x2, y2 in corners:
        pixels[y1 : y2 + 1, x1 : x2 + 1] = high
    return pixels


def filled(row):
    pixels = np.zeros(row["height"] * row["width"], bool)
    for start, length in np.reshape(row["runs"], (-1, 2)):
        pixels[start : start + length] = True
    return pixels.reshape(row["height"], row["width"])


@pytest.mark.parametrize("high", [255, 1, 200])
def test_each_component_of_a_mask_is_a_region(write_image, high):
    pixels = mask_of((3, 4, 10, 12), (30, 20, 59, 39), high=high)
    pixels[13, 11] = high  # touches the first one at a corner
    images = table({"y": 1, "mask": write_image("m.png", pixels)}, {"y": 0, "mask": None})
    rows = defect_regions(images).table
    assert rows["source"].tolist() == ["mask", "mask"]
    assert rows[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[3, 4, 11, 13], [30, 20, 59, 39]]
    together = filled(rows.iloc[0]) | filled(rows.iloc[1])
    np.testing.assert_array_equal(together, pixels > 0)


def test_every_kind_of_mask_is_counted(write_image, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    images = table(
        {"y": 1, "mask": write_image("a.png", mask_of((6, 8, 21, 25), size=(80, 120)))},
        {"y": 1, "mask": write_image("b.png", mask_of())},
        {"y": 1, "mask": str(tmp_path / "broken.png")},
        {"y": 0, "mask": write_image("c.png", mask_of((1, 1, 9, 9)))},
        {**box(1, 1, 9, 9), "mask": write_image("d.png", mask_of((30, 30, 39, 39)))},
        {**box(1, 1, 9, 9), "mask": write_image("e.png", mask_of())},
        {"y": 1, "mask": str(tmp_path / "gone.png")},
    )
    found = defect_regions(images)
    assert found.table["image_id"].tolist() == ["i0", "i4", "i5"]
    assert found.table["source"].tolist() == ["mask", "mask", "box"]
    assert found.table.loc[0, ["x1", "y1", "x2", "y2"]].tolist() == [3, 4, 10, 12]
    counts = found.counts
    assert counts["masks of another size, resized"] == 1
    assert counts["empty masks"] == 2 and counts["masks that cannot be read"] == 2
    assert counts["images with boxes and a mask, the mask is used"] == 2
    assert counts["good images with a box or a mask, not used"] == 1
    assert counts["defective images without a usable box or mask"] == 3


def test_a_table_without_boxes_has_no_regions():
    images = pd.DataFrame({"image_id": ["a", "b"], "y": [0, 1], **{k: [v, v] for k, v in SIZE.items()}})
    assert not has_regions(images) and defect_regions(images).table.empty
    assert has_regions(table(box(1, 1, 2, 2)))
    assert has_regions(images.assign(mask=[None, "m.png"])) and has_regions(
        images.assign(boxes=["", "1 1 2 2"])
    )
    assert not has_regions(images.assign(mask=[None, None], boxes=["", ""]))


@pytest.mark.parametrize("preprocess", ["none", "crop5", "I:5:0", "centre30", "bits12+crop5"])
@pytest.mark.parametrize("size", [(40, 60), (20, 30), (33, 27)])
def test_masks_of_regions_are_what_an_image_of_the_regions_becomes(write_image, preprocess, size):
    drawn = [mask_of((3, 8, 11, 20)), mask_of((20, 20, 40, 33), (50, 2, 59, 12)), mask_of((0, 0, 59, 39))]
    paths = [write_image(f"{n}.png", pixels) for n, pixels in enumerate(drawn)]
    masks = defect_regions(table(*({"y": 1, "mask": path} for path in paths))).table
    boxes = defect_regions(
        table(box(3, 8, 11, 20), {"y": 1, "boxes": "20 20 40 33;50 2 59 12"}, box(0, 0, 59, 39))
    ).table
    seen = load_images(paths, size=size, preprocess=preprocess, workers=0)
    for regions in (masks, boxes):
        found = region_masks(regions, ["i1", "none", "i2", "i0"], size, preprocess)
        np.testing.assert_array_equal(found[[3, 0, 2]], seen)
        assert found.dtype == np.uint8 and not found[1].any()


def test_a_region_that_a_crop_removes_leaves_an_empty_mask():
    regions = defect_regions(table(box(1, 1, 3, 3), box(1, 1, 30, 30))).table
    removed, cut = region_masks(regions, ["i0", "i1"], (40, 60), "crop5")
    assert not removed.any() and cut.any()
    assert not region_masks(regions.iloc[:0], ["i0"], (8, 8)).any()

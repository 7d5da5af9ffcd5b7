import os

import numpy as np
import pytest
from PIL import Image

from features.pixels.properties import image_properties, time_of_exposure
from features.structure.fingerprints import thumbnail


def exif_of(**tags):
    """EXIF data with the times given: `taken` in its folder, `changed` beside it."""
    exif = Image.Exif()
    if "taken" in tags:
        exif.get_ifd(0x8769)[0x9003] = tags["taken"]
    if "changed" in tags:
        exif[0x0132] = tags["changed"]
    return exif


def test_properties_are_those_of_the_file_and_its_pixels(write_image):
    dark, bright = np.full((40, 40), 30, np.uint8), np.tile(np.uint8([100, 200]), (40, 20)).repeat(1, 0)
    paths = [write_image("a.png", dark), write_image("b.png", bright)]
    os.utime(paths[0], (1000, 2000))
    frame = image_properties(paths, np.stack([thumbnail(dark), thumbnail(bright)]))
    assert list(frame) == ["brightness", "contrast", "bytes", "modified", "taken"]
    assert frame["brightness"].round().tolist() == [30, 150]
    assert frame["contrast"][0] == 0 < frame["contrast"][1]
    assert frame["bytes"].tolist() == [os.path.getsize(path) for path in paths]
    assert frame["modified"][0] == 2000 and frame["taken"].isna().all()


def test_the_time_of_exposure_comes_from_the_header(write_image):
    pixels = np.zeros((16, 16), np.uint8)
    first = write_image(
        "a.jpg", pixels, exif=exif_of(taken="2024:05:01 10:00:00", changed="2025:01:01 00:00:00")
    )
    second = write_image("b.tif", pixels, exif=exif_of(changed="2024:05:01 10:00:30"))
    assert time_of_exposure(second) - time_of_exposure(first) == 30


@pytest.mark.parametrize("text", ["", "yesterday", "2024:13:45 99:99:99", "    :  :     :  :  "])
def test_a_time_that_cannot_be_read_is_missing(write_image, text):
    path = write_image("a.jpg", np.zeros((16, 16), np.uint8), exif=exif_of(taken=text))
    assert np.isnan(time_of_exposure(path))
    assert np.isnan(time_of_exposure("no/such/file.jpg"))

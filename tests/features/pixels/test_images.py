import os

import numpy as np
import pytest
from faulty import faulty_files
from PIL import Image

from features.errors import UnreadableImage
from features.pixels.images import read_image, scan_images

GREY = np.arange(64 * 48, dtype=np.uint8).reshape(48, 64)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_grey_files_give_their_pixels(write_image, suffix):
    np.testing.assert_array_equal(read_image(write_image(f"a.{suffix}", GREY)), GREY)


def test_jpeg_is_close(write_image):
    smooth = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    assert np.abs(read_image(write_image("a.jpg", smooth, quality=95)).astype(int) - smooth).max() < 8


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_the_full_range(write_image, suffix):
    deep = GREY.astype(np.uint16) * 257
    np.testing.assert_array_equal(read_image(write_image(f"a.{suffix}", deep)), GREY)


def test_colour_has_three_channels(write_image):
    rgb = np.stack([GREY, GREY[::-1], GREY.T.copy().reshape(48, 64)], axis=2)
    np.testing.assert_array_equal(read_image(write_image("a.png", rgb)), rgb)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK", "YCbCr"])
def test_other_modes_are_read(tmp_path, mode):
    path = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    Image.fromarray(GREY).convert("RGB").convert(mode).save(path)
    image = read_image(path)
    assert image.dtype == np.uint8 and image.shape[:2] == GREY.shape


def test_content_decides_not_the_suffix(write_image, tmp_path):
    path = write_image("a.png", GREY)
    wrong = tmp_path / "b.jpg"
    os.rename(path, wrong)
    np.testing.assert_array_equal(read_image(wrong), GREY)


def test_every_fault_is_named_with_its_reason(tmp_path):
    reasons = faulty_files(tmp_path)
    for name, word in reasons.items():
        with pytest.raises(UnreadableImage) as caught:
            read_image(tmp_path / name)
        assert name in str(caught.value) and word in str(caught.value)
        assert "\n" not in str(caught.value)


def test_unreadable_permission_is_named(write_image, monkeypatch):
    path = write_image("a.png", GREY)
    if os.geteuid() == 0:  # root reads everything: refuse in its place
        monkeypatch.setattr(
            "pathlib.Path.read_bytes",
            lambda self: (_ for _ in ()).throw(PermissionError(13, "Permission denied")),
        )
    else:
        os.chmod(path, 0)
    with pytest.raises(UnreadableImage, match="permission denied"):
        read_image(path)


def test_scan_keeps_order_and_names_the_bad(tmp_path, write_image):
    good = [write_image(f"good{i}.png", np.roll(GREY, i)) for i in range(5)]
    reasons = faulty_files(tmp_path / "bad")
    paths = [*good, *(str(tmp_path / "bad" / name) for name in reasons)]
    done = []
    scan = scan_images(paths, progress=done.append)
    assert scan["path"].tolist() == paths
    assert (scan["problem"] == "").tolist() == [True] * 5 + [False] * len(reasons)
    assert scan["content"][:5].nunique() == 5
    assert scan.loc[0, ["height", "width", "channels"]].tolist() == [48, 64, 1]
    assert done[-1] == len(paths)


def test_scan_hands_each_sound_image_to_an_observer(write_image):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (12, 10 + i), dtype=np.uint8) for i in range(3)]
    paths = [write_image(f"{i}.png", pixels) for i, pixels in enumerate(pictures)]
    seen = {}
    scan_images([paths[0], "absent.png", *paths[1:]], observe=seen.__setitem__)
    assert sorted(seen) == [0, 2, 3]
    assert all((seen[at] == pixels).all() for at, pixels in zip((0, 2, 3), pictures, strict=True))

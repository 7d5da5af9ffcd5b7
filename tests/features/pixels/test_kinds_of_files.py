"""Every kind of image file that people have gives the right pixels, or is refused with a reason."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from features.errors import UnreadableImage
from features.files import content_hash
from features.pixels.images import (
    check_header,
    decode,
    decode_image,
    depth_note,
    file_content,
    read_image,
    scan_images,
)

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (20, 30), dtype=np.uint8)
DEEP = np.linspace(0, 65535, 600).reshape(20, 30).astype(np.uint16)
SMOOTH = np.add.outer(np.linspace(0, 120, 80), np.linspace(0, 120, 96)).astype(np.uint8)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def deep_png(values, colour_type):
    """A 16-bit PNG of any colour type, which Pillow does not write."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )  # fmt: skip


def tiff(values, *, order="<", photometric=1, bits=16, samples=1, raw=None, **tags):
    """An uncompressed TIFF of one strip, which Pillow does not write in these forms."""
    height, width = values.shape[:2]
    data = values.astype(f"{order}u{2 if bits == 16 else 1}").tobytes() if raw is None else raw
    count = len(data)
    entries = {
        256: (3, [width]), 257: (3, [height]), 258: (3, [bits] * samples), 259: (3, [1]),
        262: (3, [photometric]), 273: (4, [8]), 277: (3, [samples]), 278: (3, [height]), 279: (4, [count]),
        **{int(name[1:]): (3, [value]) for name, value in tags.items()},
    }  # fmt: skip
    data += b"\0" * (count % 2)
    extra, directory = b"", b""
    where = 8 + len(data)
    size = 2 + 12 * len(entries) + 4
    for tag, (kind, numbers) in sorted(entries.items()):
        packed = b"".join(struct.pack(order + ("H" if kind == 3 else "I"), n) for n in numbers)
        if len(packed) > 4:
            offset = where + size + len(extra)
            extra += packed
            packed = struct.pack(order + "I", offset)
        directory += struct.pack(order + "HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    start = b"II*\0" if order == "<" else b"MM\0*"
    return (
        start + struct.pack(order + "I", where) + data
        + struct.pack(order + "H", len(entries)) + directory + b"\0\0\0\0" + extra
    )  # fmt: skip


def scaled(values):
    return np.round(values / 257).astype(int)


# ---- 16 bits and inverted values


@pytest.mark.parametrize("order", ["<", ">"])
def test_white_is_zero_tiff_of_16_bits_is_not_inverted(order):
    pixels = decode_image(tiff(DEEP, order=order, photometric=0))
    assert (pixels[0, 0], pixels[-1, -1]) == (255, 0)
    np.testing.assert_array_equal(pixels, 255 - scaled(DEEP))
    np.testing.assert_array_equal(decode_image(tiff(DEEP, order=order)), scaled(DEEP))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_white_is_zero_tiff_written_by_pillow_is_not_inverted(compression):
    data = saved(Image.fromarray(DEEP), "TIFF", tiffinfo={262: 0}, compression=compression)
    np.testing.assert_array_equal(decode_image(data), 255 - scaled(DEEP))


def test_white_is_zero_tiff_of_8_bits_is_not_inverted():
    np.testing.assert_array_equal(decode_image(tiff(GREY, bits=8, photometric=0)), 255 - GREY)
    one = np.packbits(GREY > 127, axis=1)
    pixels = decode_image(tiff(GREY, bits=1, photometric=0, raw=one.tobytes()))
    np.testing.assert_array_equal(pixels, np.where(GREY > 127, 0, 255))


@pytest.mark.parametrize(("order", "photometric"), [("<", 1), (">", 1), ("<", 0), (">", 0)])
def test_tiff_that_says_12_bits_uses_its_full_range(order, photometric):
    values = np.linspace(0, 4095, 600).reshape(20, 30).astype(int)
    first, second = values[:, ::2], values[:, 1::2]
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=2).astype(np.uint8)
    pixels = decode_image(tiff(values, order=order, bits=12, photometric=photometric, raw=packed.tobytes()))
    right = np.round(values / 4095 * 255)
    assert np.abs(pixels - (right if photometric else 255 - right)).max() <= 1


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (6, 4), (0, 1), (4, 2)])
def test_16_bit_png_colour_is_scaled_like_grey(colour_type, channels):
    values = RNG.integers(0, 65536, (20, 30, channels), dtype=np.uint16)
    pixels = decode_image(deep_png(values, colour_type))
    right = scaled(values[..., :3]) if channels > 2 else scaled(values[..., 0])
    np.testing.assert_array_equal(pixels, right)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("samples", [3, 4])
def test_16_bit_tiff_colour_is_scaled_like_grey(order, samples):
    values = RNG.integers(0, 65536, (20, 30, samples), dtype=np.uint16)
    extra = {"t338": 2} if samples == 4 else {}
    pixels = decode_image(tiff(values, order=order, photometric=2, samples=samples, **extra))
    np.testing.assert_array_equal(pixels, scaled(values[..., :3]))


def test_16_bit_colour_and_grey_of_one_value_are_equal():
    for value in (0, 127, 128, 129, 257, 33000, 65407, 65535):
        colour = decode_image(deep_png(np.full((9, 9, 3), value, np.uint16), 2))
        grey = decode_image(saved(Image.fromarray(np.full((9, 9), value, np.uint16)), "PNG"))
        assert (colour == grey[..., None]).all()


def test_12_bit_data_in_16_bit_files_is_warned_of_or_scaled(tmp_path):
    values = np.linspace(0, 4095, 600).reshape(20, 30).astype(np.uint16)
    paths = [str(tmp_path / name) for name in ("a.png", "b.tif")]
    for path in paths:
        Image.fromarray(values).save(path)
    assert read_image(paths[0]).max() == 16
    right = np.round(values / 4095 * 255)
    for path in paths:
        assert np.abs(read_image(path, bit_depth=12) - right).max() <= 1
    note = depth_note(scan_images(paths))
    assert "no value above 4095" in note and "12-bit" in note and "--bit-depth 12" in note
    assert "multiply them by 16" in depth_note(scan_images(paths), takes_depth=False)
    assert depth_note(scan_images(paths, bit_depth=12)) != ""
    Image.fromarray(DEEP).save(tmp_path / "c.png")
    assert depth_note(scan_images([*paths, str(tmp_path / "c.png")])) == ""
    Image.fromarray(GREY).save(tmp_path / "d.png")
    assert depth_note(scan_images([str(tmp_path / "d.png")])) == ""


def test_a_value_beyond_the_bit_depth_is_refused_and_8_bits_are_left_alone():
    with pytest.raises(UnreadableImage, match="the value 65535 needs more than 12 bits"):
        decode_image(saved(Image.fromarray(DEEP), "PNG"), "a.png", 12)
    data = saved(Image.fromarray(GREY), "PNG")
    np.testing.assert_array_equal(decode_image(data, bit_depth=12), GREY)


# ---- orientation


def turned(orientation):
    return {
        1: SMOOTH, 2: SMOOTH[:, ::-1], 3: np.rot90(SMOOTH, 2), 4: SMOOTH[::-1], 5: SMOOTH.T,
        6: np.rot90(SMOOTH, -1), 7: np.rot90(SMOOTH, 2).T, 8: np.rot90(SMOOTH),
    }[orientation]  # fmt: skip


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_the_same_for_every_format(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    for kind in ("PNG", "JPEG", "TIFF"):
        pixels = decode_image(saved(Image.fromarray(SMOOTH), kind, exif=exif))
        right = turned(orientation)
        assert pixels.shape == right.shape, kind
        assert np.abs(pixels.astype(int) - right).max() <= 4, kind
    compressed = saved(Image.fromarray(SMOOTH), "TIFF", exif=exif, compression="tiff_lzw")
    np.testing.assert_array_equal(decode_image(compressed), turned(orientation))


def test_orientation_of_colour_and_16_bit_files():
    exif = Image.Exif()
    exif[0x112] = 6
    colour = np.stack([SMOOTH, SMOOTH // 2, SMOOTH // 3], axis=2)
    for image in (Image.fromarray(colour), Image.fromarray(SMOOTH.astype(np.uint16) * 257)):
        right = np.rot90(colour if image.mode == "RGB" else SMOOTH, -1)
        for kind in ("PNG", "TIFF"):
            np.testing.assert_array_equal(decode_image(saved(image, kind, exif=exif)), right)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_ignored(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    np.testing.assert_array_equal(decode_image(saved(Image.fromarray(SMOOTH), "PNG", exif=exif)), SMOOTH)


def test_damaged_exif_leaves_the_pixels():
    data = saved(Image.fromarray(SMOOTH), "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff junk")
    assert decode_image(data).shape == SMOOTH.shape


def test_files_whose_pixels_changed_have_another_content_and_others_keep_theirs():
    plain = saved(Image.fromarray(SMOOTH), "PNG")
    assert decode(plain).content == content_hash(plain)
    deep = saved(Image.fromarray(DEEP), "TIFF")
    assert decode(deep).content == content_hash(deep)
    assert decode(tiff(DEEP, photometric=0)).content != content_hash(tiff(DEEP, photometric=0))
    colour = deep_png(np.full((9, 9, 3), 7, np.uint16), 2)
    assert decode(colour).content == file_content(colour) != content_hash(colour)
    exif = Image.Exif()
    exif[0x112] = 6
    data = saved(Image.fromarray(SMOOTH), "JPEG", exif=exif)
    assert decode(data).content == file_content(data) != content_hash(data)
    exif[0x112] = 1
    for kind in ("PNG", "JPEG", "TIFF"):
        data = saved(Image.fromarray(SMOOTH), kind, exif=exif)
        assert decode(data).content == content_hash(data)


def test_header_tells_which_jpegs_any_decoder_reads_alike():
    exif = Image.Exif()
    exif[0x112] = 6
    image = Image.fromarray(SMOOTH)
    assert check_header(saved(image, "JPEG"))
    assert not check_header(saved(image, "JPEG", exif=exif))
    assert not check_header(saved(image.convert("CMYK"), "JPEG"))


# ---- several pictures in one file


def test_camera_jpeg_with_a_second_picture_gives_the_first():
    first, second = Image.fromarray(SMOOTH), Image.fromarray(SMOOTH[:16, :16])
    pixels = decode_image(saved(first, "MPO", save_all=True, append_images=[second]))
    assert np.abs(pixels.astype(int) - SMOOTH).max() <= 4
    colour = first.convert("RGB")
    data = saved(colour, "MPO", save_all=True, append_images=[colour, colour])
    assert decode_image(data).shape == (80, 96, 3)


def test_a_tiff_with_a_preview_page_gives_the_picture():
    first, preview = Image.fromarray(SMOOTH), Image.fromarray(SMOOTH[::4, ::4])
    preview.encoderinfo = {"tiffinfo": {254: 1}}
    np.testing.assert_array_equal(
        decode_image(saved(first, "TIFF", save_all=True, append_images=[preview])), SMOOTH
    )


def test_several_pages_and_animations_are_refused():
    first, second = Image.fromarray(SMOOTH), Image.fromarray(255 - SMOOTH)
    for kind in ("TIFF", "PNG"):
        with pytest.raises(UnreadableImage, match=r"animated or many pages \(2 frames\)"):
            decode_image(saved(first, kind, save_all=True, append_images=[second]))


# ---- palettes, colours, transparency


def test_palette_gives_colour_and_one_bit_gives_black_and_white():
    palette = Image.fromarray(GREY % 3).convert("L")
    palette = palette.convert("P")
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    right = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]], np.uint8)[GREY % 3]
    for kind in ("PNG", "TIFF", "BMP"):
        np.testing.assert_array_equal(decode_image(saved(palette, kind)), right)
    np.testing.assert_array_equal(decode_image(saved(palette, "PNG", transparency=b"\x00\x80\xff")), right)
    for kind in ("PNG", "TIFF", "BMP"):
        bits = decode_image(saved(Image.fromarray(GREY > 127), kind))
        np.testing.assert_array_equal(bits, np.where(GREY > 127, 255, 0))


def test_transparency_is_dropped_and_the_colour_below_it_stays():
    alpha = Image.fromarray(np.zeros_like(GREY))
    grey = Image.merge("LA", [Image.fromarray(GREY), alpha])
    colour = Image.merge("RGBA", [Image.fromarray(GREY)] * 3 + [alpha])
    for kind in ("PNG", "TIFF"):
        np.testing.assert_array_equal(decode_image(saved(grey, kind)), GREY)
        np.testing.assert_array_equal(decode_image(saved(colour, kind)), np.dstack([GREY] * 3))


def test_cmyk_is_converted():
    colour = Image.fromarray(np.dstack([SMOOTH, SMOOTH, 255 - SMOOTH]))
    for kind in ("TIFF", "JPEG"):
        pixels = decode_image(saved(colour.convert("CMYK"), kind))
        assert np.abs(pixels.astype(int) - np.asarray(colour)).max() <= 12


def test_floats_and_lab_are_refused_with_a_remedy():
    with pytest.raises(UnreadableImage, match="floating-point pixels; save as 8 or 16 bit"):
        decode_image(saved(Image.fromarray(SMOOTH / np.float32(255)), "TIFF"))
    lab = Image.merge("LAB", [Image.fromarray(GREY)] * 3)
    with pytest.raises(UnreadableImage, match="LAB pixels; save as grey or RGB"):
        decode_image(saved(lab, "TIFF"))


def test_a_tiff_that_cannot_be_read_is_not_called_another_format():
    with pytest.raises(UnreadableImage, match="a TIFF of a kind that cannot be read"):
        decode_image(tiff(GREY, bits=7, photometric=1, raw=b"\0" * 1000))


# ---- damage that decoders do not report


def jpegs():
    noise = Image.fromarray(RNG.integers(0, 256, (120, 160, 3), dtype=np.uint8))
    smooth = Image.fromarray(SMOOTH)
    return {
        "colour": saved(noise, "JPEG"), "grey": saved(smooth, "JPEG"),
        "progressive": saved(noise, "JPEG", progressive=True), "cmyk": saved(noise.convert("CMYK"), "JPEG"),
        "progressive grey": saved(smooth, "JPEG", progressive=True),
        "restarts": saved(noise, "JPEG", restart_marker_rows=2), "444": saved(noise, "JPEG", subsampling=0),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(jpegs()))
def test_a_jpeg_cut_off_and_closed_again_is_reported(name):
    whole = jpegs()[name]
    assert decode_image(whole).size
    start = whole.rindex(b"\xff\xda") + 12
    for cut in {*(len(whole) * k // 20 for k in range(8, 20)), len(whole) - 4, len(whole) - 40}:
        if cut > (start if "progressive" not in name else 700):
            with pytest.raises(UnreadableImage, match=r"a\.jpg: damaged or truncated"):
                decode_image(whole[:cut] + b"\xff\xd9", "a.jpg")
    for end in (b"", b"\xff\xd9"):
        with pytest.raises(UnreadableImage, match="damaged or truncated"):
            decode_image(whole[: len(whole) * 3 // 4] + b"\0" * (len(whole) // 4) + end)
    with pytest.raises(UnreadableImage, match="damaged or truncated"):
        decode_image(whole[: len(whole) * 3 // 4])


def test_a_progressive_jpeg_without_its_last_scans_is_reported():
    whole = jpegs()["progressive"]
    scans = [at for at in range(len(whole)) if whole[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 3
    for at in scans[1:]:
        with pytest.raises(UnreadableImage, match="scans are missing"):
            decode_image(whole[:at] + b"\xff\xd9")


def test_a_jpeg_with_bytes_after_its_end_is_sound():
    whole = jpegs()["grey"]
    np.testing.assert_array_equal(decode_image(whole + b"\0" * 500), decode_image(whole))


def test_a_flat_grey_jpeg_is_sound():
    for progressive in (False, True):
        data = saved(Image.fromarray(np.full((80, 96), 128, np.uint8)), "JPEG", progressive=progressive)
        assert (decode_image(data) == 128).all()


@pytest.mark.parametrize("kind", ["text", "compressed", "international", "profile", "many"])
def test_png_with_large_text_chunks_is_read(kind):
    long = "".join(map(chr, RNG.integers(97, 122, 3_000_000)))
    texts = PngInfo()
    options = {}
    if kind == "text":
        texts.add_text("workflow", long)
    elif kind == "compressed":
        texts.add_text("workflow", "a" * 3_000_000, zip=True)
    elif kind == "international":
        texts.add_itxt("workflow", long, zip=True)
    elif kind == "many":
        for index in range(30):
            texts.add_text(f"part {index}", long)
    else:
        options["icc_profile"] = long.encode()
    exif = Image.Exif()
    exif[0x112] = 6
    data = saved(Image.fromarray(SMOOTH), "PNG", pnginfo=texts, exif=exif, **options)
    np.testing.assert_array_equal(decode_image(data), np.rot90(SMOOTH, -1))


def test_a_large_text_after_the_pixels_is_read_too():
    data = saved(Image.fromarray(SMOOTH), "PNG")
    text = chunk(b"zTXt", b"notes\0\0" + zlib.compress(b"b" * 3_000_000))
    at = data.rindex(b"IEND") - 4
    np.testing.assert_array_equal(decode_image(data[:at] + text + data[at:]), SMOOTH)

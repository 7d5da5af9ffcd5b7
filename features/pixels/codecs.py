"""From an opened file to 8-bit pixels: grey, colour, deep and inverted values, orientation.

| what the file holds | what comes out |
| --- | --- |
| grey, 1 to 8 bits | grey |
| grey, 16 bits | grey, divided by 257 (so 65535 is 255); a TIFF of 12 bits by 4095 / 255 |
| colour, 16 bits | colour, scaled as grey is |
| 16-bit files of fewer bits (`bit_depth`) | scaled so that the largest value of that depth is 255 |
| WhiteIsZero TIFF of any depth | inverted, so that white is 255 |
| palette | colour |
| CMYK, YCbCr | colour, by Pillow's plain conversion (no colour profile) |
| transparency (LA, RGBA, palette with alpha) | dropped, the colour below it stays |
| EXIF or XMP orientation, in PNG, JPEG and TIFF | applied |
| JPEG with further pictures (MPO) | the first picture |
| TIFF with previews or masks as further pages | the first page |
| TIFF of several pages, animated PNG | refused |
| floating-point pixels, values over 16 bits, CIELAB | refused |
"""

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from features.errors import UnreadableImage

MIN_SIDE = 8
MAX_PIXELS = 64 * 1024 * 1024
FULL = 65535

_ORIENTATION, _PHOTOMETRIC, _BITS, _SUBFILE = 0x112, 262, 258, 254
_PREVIEW, _TRANSPARENCY = 1, 4
_ENDS = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}
_DEEP_COLOURS = ("RGB", "RGBA", "RGBX")
# What Pillow raises on damaged EXIF data; the pixels are sound all the same.
BAD_EXIF = (SyntaxError, struct.error, ValueError, KeyError, TypeError, IndexError, EOFError, OSError)


@dataclass(frozen=True)
class Pixels:
    """What a file holds.

    Parameters
    ----------
    values : uint8 array, shape (height, width) or (height, width, 3)
    peak : int
        Largest value in a 16-bit file; 0 for other files.
    """

    values: np.ndarray
    peak: int = 0


def check_size(image: Image.Image, path: str) -> None:
    """Raise `UnreadableImage` for an image too small or too large, or for several pages."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnreadableImage(path, f"{width} x {height} pixels, more than {MAX_PIXELS:,}")
    if min(width, height) < MIN_SIDE:
        raise UnreadableImage(path, f"{width} x {height} pixels, a side under {MIN_SIDE}")
    frames = _pages(image)
    if frames > 1:
        raise UnreadableImage(path, f"animated or many pages ({frames} frames)")


def orientation(image: Image.Image) -> int:
    """Return the EXIF or XMP orientation, 1 to 8; 1 where there is none that can be read."""
    if image.format == "TIFF":
        return 1  # Pillow applies it on loading
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except BAD_EXIF:
        return 1
    return found if found in range(1, 9) else 1


def raw_mode(image: ImageFile.ImageFile) -> str:
    """Return how the file of an image that is not loaded yet holds its pixels, in Pillow's terms."""
    modes = {tile.args if isinstance(tile.args, str) else tile.args[0] for tile in image.tile if tile.args}
    return str(modes.pop()) if len(modes) == 1 else ""


def to_pixels(
    image: ImageFile.ImageFile,
    raw: str,
    reopen: Callable[[], ImageFile.ImageFile],
    path: str,
    bit_depth: int | None = None,
) -> Pixels:
    """Return the 8-bit pixels of a file.

    Parameters
    ----------
    image : PIL.ImageFile.ImageFile
        Loaded.
    raw : str
        Its `raw_mode` from before it was loaded.
    reopen : callable
        Opens the same file once more; the low bytes of 16-bit colour are read that way.
    path : str
        For messages.
    bit_depth : int, optional
        How many bits the values of 16-bit files use; 16 by default, or what the file says.

    Raises
    ------
    UnreadableImage
        For pixels that cannot be brought to 8 bits.
    """
    deep, declared = _deep_values(image, raw, reopen)
    if deep is None:
        pixels = Pixels(_shallow(image, path))
    else:
        peak = int(deep.max())
        if deep.min() < 0 or peak > FULL:
            raise UnreadableImage(path, "values outside 16 bits")
        full = (1 << bit_depth) - 1 if bit_depth is not None else declared
        if peak > full:
            raise UnreadableImage(path, f"the value {peak} needs more than {bit_depth} bits (bit_depth)")
        values = _scale(full - deep if _white_is_zero(image) else deep, full)
        pixels = Pixels(values, peak if declared == FULL else 0)
    turn = orientation(image)
    return pixels if turn == 1 else Pixels(_turn(pixels.values, turn), pixels.peak)


def decodes_as_before(image: ImageFile.ImageFile) -> bool:
    """Return whether release 0.1 read the same pixels from a file, judged by its header."""
    end = raw_mode(image)[-4:]
    tiff12 = _tag(image, _BITS) == (12,)
    return orientation(image) == 1 and end not in _ENDS and not _white_is_zero(image) and not tiff12


def _pages(image: Image.Image) -> int:
    """Return how many pages or frames are pictures of their own."""
    frames = getattr(image, "n_frames", 1)
    if frames == 1 or image.format == "MPO":
        return 1
    if image.format != "TIFF":
        return frames
    pictures = 0
    for page in range(frames):
        image.seek(page)
        kind = int(image.tag_v2.get(_SUBFILE, 0))  # type: ignore[attr-defined]
        pictures += page == 0 or not kind & (_PREVIEW | _TRANSPARENCY)
    image.seek(0)
    return pictures


def _deep_values(
    image: ImageFile.ImageFile, raw: str, reopen: Callable[[], ImageFile.ImageFile]
) -> tuple[np.ndarray | None, int]:
    """Return int64 values where the file has more than 8 bits, and the largest they can be."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.int64), 4095 if _tag(image, _BITS) == (12,) else FULL
    if raw == "LA;16B":
        # Four bytes a pixel, as RGBA has: high and low byte of the grey value, then of the alpha value.
        read = _reread(reopen, "RGBA")
        return read[..., 0].astype(np.int64) * 256 + read[..., 1], FULL
    colours, end = raw[:-4], raw[-4:]
    if colours not in _DEEP_COLOURS or end not in _ENDS:
        return None, FULL
    high = np.asarray(image)[..., :3].astype(np.int64)
    # Pillow keeps the first byte of each value, and the second where it takes the order for the other.
    return high * 256 + _reread(reopen, colours + _ENDS[end])[..., :3], FULL


def _reread(reopen: Callable[[], ImageFile.ImageFile], raw: str) -> np.ndarray:
    with reopen() as image:
        image.tile = [
            tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw)
            for tile in image.tile
        ]
        return np.asarray(image)


def _white_is_zero(image: Image.Image) -> bool:
    # Pillow inverts such files of up to 8 bits by itself.
    return image.mode.startswith("I") and _tag(image, _PHOTOMETRIC) == 0


def _tag(image: Image.Image, number: int) -> Any:
    return image.tag_v2.get(number) if image.format == "TIFF" else None  # type: ignore[attr-defined]


def _shallow(image: Image.Image, path: str) -> np.ndarray:
    if image.mode == "L":
        return np.asarray(image)
    if image.mode in ("1", "LA", "La"):
        return np.asarray(image.convert("L"))
    if image.mode == "F":
        raise UnreadableImage(path, "floating-point pixels; save as 8 or 16 bit")
    if image.mode not in ("P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV"):
        raise UnreadableImage(path, f"{image.mode} pixels; save as grey or RGB")
    return np.asarray(image.convert("RGBA").convert("RGB") if image.mode == "RGBa" else image.convert("RGB"))


def _scale(deep: np.ndarray, full: int) -> np.ndarray:
    scaled = (deep + 128) // 257 if full == FULL else (deep * 255 + full // 2) // full
    return scaled.astype(np.uint8)


def _turn(values: np.ndarray, orientation: int) -> np.ndarray:
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return np.ascontiguousarray(values)

"""Files to pixels: decoding, and a scan that names every file that cannot be decoded.

What becomes of each kind of file (16 bits, palettes, transparency, orientation, several pages, ...) is
listed in `features.pixels.codecs`.
"""

import functools
import io
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import II, MM, OPEN_INFO

from features.errors import UnreadableImage
from features.files import content_hash
from features.pixels.codecs import (
    MAX_PIXELS,
    MIN_SIDE,
    Pixels,
    check_size,
    decodes_as_before,
    orientation,
    raw_mode,
    to_pixels,
)
from features.pixels.jpeg import jpeg_damage
from features.pixels.png import SIGNATURE, without_texts

__all__ = [
    "FORMATS", "MAX_PIXELS", "MIN_SIDE", "Decoded", "check_header", "decode", "decode_image", "depth_note",
    "file_content", "read_bytes", "read_image", "scan_images",
]  # fmt: skip

FORMATS = ("PNG", "JPEG", "BMP", "DIB", "TIFF")
_JPEG_START = b"\xff\xd8\xff"
_TIFF_STARTS = (b"II*\0", b"MM\0*")
_MOST_HEADER = 1 << 18
_SMALLER_DEPTHS = (10, 12, 14)

# check_size refuses what the first warns of, and names the file. The rest is about what is not used (the
# second picture of an MPO file, EXIF data, transparency), or the pixels are missing and decoding fails.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Grey TIFF files that Pillow can decode and does not recognise: 16-bit WhiteIsZero in big-endian order,
# and further forms of 12 bits.
for _order, _photometric, _bits, _mode, _raw in (
    (MM, 0, 16, "I;16B", "I;16B"),
    (II, 0, 12, "I;16", "I;12"),
    (MM, 0, 12, "I;16", "I;12"),
    (MM, 1, 12, "I;16", "I;12"),
):
    OPEN_INFO.setdefault((_order, _photometric, (1,), 1, (_bits,), ()), (_mode, _raw))


@dataclass(frozen=True)
class Decoded:
    """One decoded file.

    Parameters
    ----------
    pixels : uint8 array, shape (height, width) or (height, width, 3)
    content : str
        See `file_content`.
    peak : int
        Largest value in a 16-bit file, which shows how many bits are in use; 0 for other files.
    """

    pixels: np.ndarray
    content: str
    peak: int = 0


def read_image(path: str | Path, bit_depth: int | None = None) -> np.ndarray:
    """Read one photograph.

    Parameters
    ----------
    path : str or Path
        A PNG, JPEG, BMP or TIFF file; the content decides, not the suffix.
    bit_depth : int, optional
        How many bits the values of a 16-bit file use, 9 to 16; by default what the file says.

    Returns
    -------
    ndarray of uint8, shape (height, width) or (height, width, 3)
        Grey files give two dimensions. 16-bit values are divided by 257, so that the full range of
        the file becomes 0 to 255; transparency is dropped; an EXIF orientation is applied.

    Raises
    ------
    UnreadableImage
        With the reason, whatever the fault: missing, not permitted, empty, truncated, not an image,
        animated, smaller than 8 pixels on a side or larger than 64 megapixels.
    """
    return decode_image(read_bytes(path), str(path), bit_depth)


def read_bytes(path: str | Path) -> bytes:
    """Return a file's bytes, or raise `UnreadableImage` with the reason."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        reason = "dangling link" if Path(path).is_symlink() else "no such file"
        raise UnreadableImage(str(path), reason) from None
    except OSError as error:
        raise UnreadableImage(str(path), (error.strerror or str(error)).lower()) from None
    if not data:
        raise UnreadableImage(str(path), "empty file")
    return data


def decode_image(data: bytes, path: str = "image", bit_depth: int | None = None) -> np.ndarray:
    """Decode the bytes of one file; see `read_image`. `path` names the file in the error."""
    return decode(data, path, bit_depth).pixels


def decode(data: bytes, path: str = "image", bit_depth: int | None = None) -> Decoded:
    """Decode the bytes of one file to its pixels and the hash of its content; see `read_image`."""
    try:
        try:
            pixels = _decoded(data, path, bit_depth)
        except ValueError as error:
            if isinstance(error, UnreadableImage) or not data.startswith(SIGNATURE):
                raise
            pixels = _decoded(without_texts(data), path, bit_depth)
        damage = jpeg_damage(data) if data.startswith(_JPEG_START) else ""
    except UnreadableImage:
        raise
    except Image.UnidentifiedImageError:
        kind = "damaged, or a TIFF of a kind that cannot be read" if data[:4] in _TIFF_STARTS else ""
        raise UnreadableImage(path, kind or "not a PNG, JPEG, BMP or TIFF image") from None
    except Image.DecompressionBombError:
        raise UnreadableImage(path, f"more than {MAX_PIXELS:,} pixels") from None
    # Pillow raises whatever its decoders raise on damaged files: OSError, SyntaxError, struct.error...
    except Exception as error:
        raise UnreadableImage(path, f"damaged or truncated ({error})") from None
    if damage:
        raise UnreadableImage(path, f"damaged or truncated: {damage}")
    return Decoded(pixels.values, file_content(data), pixels.peak)


def file_content(data: bytes) -> str:
    """Return the hash that stands for an image file's content.

    It is the hash of the bytes. Files that release 0.1 read differently (not turned by their EXIF
    orientation, inverted, 16-bit colour) have another one, so that embeddings of the old pixels are not
    found under it.
    """
    return content_hash(data if _as_before(data) else data + b"pixels 2")


def _as_before(data: bytes) -> bool:
    if data.startswith(_JPEG_START):
        known = not any(mark in data[:_MOST_HEADER] for mark in (b"Exif\0", b"ns.adobe.com/xap"))
    elif data.startswith(SIGNATURE):
        deep_colour = data[24:25] == b"\x10" and data[25:26] in (b"\2", b"\4", b"\6")
        known = not deep_colour and not any(
            mark in data for mark in (b"eXIf", b"XML:com.adobe.xmp", b"Raw profile type")
        )
    else:
        known = data[:4] not in _TIFF_STARTS
    if known:
        return True
    try:
        with _opened(data) as image:
            return decodes_as_before(image)
    # A file that cannot be opened has no pixels of before; `decode` says what is wrong with it.
    except Exception:
        return True


def _decoded(data: bytes, path: str, bit_depth: int | None) -> Pixels:
    with _opened(data) as image:
        check_size(image, path)
        raw = raw_mode(image)
        image.load()
        return to_pixels(image, raw, functools.partial(_opened, data), path, bit_depth)


def _opened(data: bytes) -> ImageFile.ImageFile:
    return Image.open(io.BytesIO(data), formats=FORMATS)


def check_header(data: bytes, path: str = "image") -> bool:
    """Check a file's header; decode nothing.

    Returns
    -------
    bool
        Whether any decoder gives the same pixels: False where the file has an orientation, or is CMYK.

    Raises
    ------
    UnreadableImage
        When the header says that the file cannot be used.
    """
    try:
        with _opened(data) as image:
            check_size(image, path)
            return image.mode in ("L", "RGB") and orientation(image) == 1
    except UnreadableImage:
        raise
    except Exception as error:
        raise UnreadableImage(path, f"damaged or truncated ({error})") from None


def scan_images(
    paths: Sequence[str],
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    observe: Callable[[int, np.ndarray], None] | None = None,
    bit_depth: int | None = None,
) -> pd.DataFrame:
    """Decode every file once; tell what it holds or why it cannot be used.

    Parameters
    ----------
    paths : sequence of str
        The files.
    workers : int, optional
        Threads; the number of cores by default (the decoders release the GIL).
    progress : callable, optional
        Called with the number of files done so far.
    observe : callable, optional
        `observe(position, pixels)` is called with the position in `paths` and the decoded pixels of each
        sound image, in the thread that decoded it. It saves a second decoding; see
        `features.structure.fingerprints`.
    bit_depth : int, optional
        See `read_image`.

    Returns
    -------
    DataFrame
        One row per path, in the order given: `path`, `content` (hash of the file's bytes, empty
        when unreadable), `height`, `width`, `channels` (pixels; 0 when unreadable), `problem` (empty
        when the image is sound). `attrs["peak"]` is the largest value in the 16-bit files, 0 where there
        is none; see `depth_note`.
    """
    rows, peak = [], 0
    scan = functools.partial(_scan, observe, bit_depth)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for done, row in enumerate(pool.map(scan, paths, range(len(paths))), start=1):
            rows.append(row[:-1])
            peak = max(peak, row[-1])
            if progress is not None:
                progress(done)
    columns = ["path", "content", "height", "width", "channels", "problem"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.attrs["peak"] = peak
    return frame


def depth_note(scan: pd.DataFrame, takes_depth: bool = True) -> str:
    """Return a warning where the 16-bit files of a scan use fewer bits, so that they look nearly black.

    Empty where there is nothing to warn of. Call it with what `scan_images` returned, and with whether the
    dataset takes the option `bit_depth`.
    """
    peak = scan.attrs.get("peak", 0)
    bits = next((bits for bits in _SMALLER_DEPTHS if 0 < peak < 1 << bits), None)
    if bits is None:
        return ""
    remedy = f"scale them with --bit-depth {bits}" if takes_depth else f"multiply them by {1 << 16 - bits}"
    return (
        f"the 16-bit files hold no value above {peak}: they look like {bits}-bit data and are nearly black "
        f"when read as 16 bits; {remedy}"
    )


def _scan(
    observe: Callable[[int, np.ndarray], None] | None, bit_depth: int | None, path: str, position: int
) -> tuple[str, str, int, int, int, str, int]:
    try:
        found = decode(read_bytes(path), path, bit_depth)
    except UnreadableImage as error:
        return path, "", 0, 0, 0, error.reason, 0
    if observe is not None:
        observe(position, found.pixels)
    height, width = found.pixels.shape[:2]
    channels = 1 if found.pixels.ndim == 2 else 3
    return path, found.content, height, width, channels, "", found.peak

"""Files to pixels: decoding, and a scan that names every file that cannot be decoded."""

import functools
import io
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from features.errors import UnreadableImage
from features.files import content_hash

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "TIFF")
MIN_SIDE = 8
MAX_PIXELS = 64 * 1024 * 1024

# _check_header refuses what this warns of, and names the file.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def read_image(path: str | Path) -> np.ndarray:
    """Read one photograph.

    Parameters
    ----------
    path : str or Path
        A PNG, JPEG, BMP or TIFF file; the content decides, not the suffix.

    Returns
    -------
    ndarray of uint8, shape (height, width) or (height, width, 3)
        Grey files give two dimensions. 16-bit values are divided by 257, so that the full range of
        the file becomes 0 to 255; transparency is dropped.

    Raises
    ------
    UnreadableImage
        With the reason, whatever the fault: missing, not permitted, empty, truncated, not an image,
        animated, smaller than 8 pixels on a side or larger than 64 megapixels.
    """
    return decode_image(read_bytes(path), str(path))


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


def decode_image(data: bytes, path: str = "image") -> np.ndarray:
    """Decode the bytes of one file; see `read_image`. `path` names the file in the error."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_header(image, path)
            image.load()
            return _to_uint8(image, path)
    except UnreadableImage:
        raise
    except Image.UnidentifiedImageError:
        raise UnreadableImage(path, "not a PNG, JPEG, BMP or TIFF image") from None
    except Image.DecompressionBombError:
        raise UnreadableImage(path, f"more than {MAX_PIXELS:,} pixels") from None
    # Pillow raises whatever its decoders raise on damaged files: OSError, SyntaxError, struct.error...
    except Exception as error:
        raise UnreadableImage(path, f"damaged or truncated ({error})") from None


def check_header(data: bytes, path: str = "image") -> None:
    """Raise `UnreadableImage` when a file's header says that it cannot be used; decode nothing."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_header(image, path)
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

    Returns
    -------
    DataFrame
        One row a path, in the order asked for: `path`, `content` (hash of the file's bytes, empty
        when unreadable), `height`, `width`, `channels` (pixels; 0 when unreadable) and `problem`
        (empty when the image is sound).
    """
    rows = []
    scan = functools.partial(_scan, observe)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for done, row in enumerate(pool.map(scan, paths, range(len(paths))), start=1):
            rows.append(row)
            if progress is not None:
                progress(done)
    columns = ["path", "content", "height", "width", "channels", "problem"]
    return pd.DataFrame(rows, columns=columns)


def list_images(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the image files below `folder`, and the visible files that are not images, sorted."""
    files = sorted(path for path in _walk(folder) if not path.name.startswith("."))
    return (
        [path for path in files if path.suffix.lower() in SUFFIXES],
        [path for path in files if path.suffix.lower() not in SUFFIXES],
    )


def _walk(folder: Path) -> Iterable[Path]:
    for root, _, names in os.walk(folder):
        yield from (Path(root, name) for name in names)


def _scan(
    observe: Callable[[int, np.ndarray], None] | None, path: str, position: int
) -> tuple[str, str, int, int, int, str]:
    try:
        data = read_bytes(path)
        pixels = decode_image(data, path)
    except UnreadableImage as error:
        return path, "", 0, 0, 0, error.reason
    if observe is not None:
        observe(position, pixels)
    channels = 1 if pixels.ndim == 2 else 3
    return path, content_hash(data), pixels.shape[0], pixels.shape[1], channels, ""


def _check_header(image: Image.Image, path: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnreadableImage(path, f"{width} x {height} pixels, more than {MAX_PIXELS:,}")
    if min(width, height) < MIN_SIDE:
        raise UnreadableImage(path, f"{width} x {height} pixels, a side under {MIN_SIDE}")
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise UnreadableImage(path, f"animated or many pages ({frames} frames)")


def _to_uint8(image: Image.Image, path: str) -> np.ndarray:
    if image.mode == "L":
        return np.asarray(image)
    if image.mode in ("1", "LA", "La"):
        return np.asarray(image.convert("L"))
    if image.mode == "I" or image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.int64)
        if deep.min() < 0 or deep.max() > 65535:
            raise UnreadableImage(path, "values outside 16 bits")
        return ((deep + 128) // 257).astype(np.uint8)
    if image.mode == "F":
        raise UnreadableImage(path, "floating-point pixels; save as 8 or 16 bit")
    return np.asarray(image.convert("RGB"))

"""Properties of image files that do not depend on what the image shows: brightness, size, time."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from features.pixels.codecs import BAD_EXIF

#: Formats whose header holds the time of exposure. That of a PNG file comes after the pixels.
_WITH_TIME = ("JPEG", "MPO", "TIFF")
_EXIF_FOLDER, _TIME_OF_EXPOSURE, _TIME = 0x8769, 0x9003, 0x0132


def image_properties(paths: Sequence[str], thumbnails: np.ndarray) -> pd.DataFrame:
    """Return the properties that may give a label away without any model.

    Parameters
    ----------
    paths : sequence of str
        The files.
    thumbnails : float array, shape (n, d)
        Grey values of the images, 0 to 255; see `features.structure.fingerprints`.

    Returns
    -------
    DataFrame
        One row per image: `brightness` and `contrast` (mean and standard deviation of the thumbnail),
        `bytes` (size of the file), `modified` (time of the file, seconds) and `taken` (time of exposure by
        the camera's clock, seconds; NaN where the file does not say).
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(_of_file, paths))
    frame = pd.DataFrame(found, columns=["bytes", "modified", "taken"], dtype=float)
    frame.insert(0, "brightness", thumbnails.mean(axis=1).astype(float))
    frame.insert(1, "contrast", thumbnails.std(axis=1).astype(float))
    return frame


def time_of_exposure(path: str) -> float:
    """Return when a photograph was taken by its EXIF data, in seconds; NaN where the file does not say.

    The camera's clock knows no time zone: differences between images count, not the time itself.
    """
    try:
        with Image.open(path) as image:
            if image.format not in _WITH_TIME:
                return float("nan")
            exif = image.getexif()
            text = exif.get_ifd(_EXIF_FOLDER).get(_TIME_OF_EXPOSURE) or exif.get(_TIME)
            return datetime.strptime(str(text)[:19], "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except BAD_EXIF:
        return float("nan")


def _of_file(path: str) -> tuple[float, float, float]:
    try:
        state = Path(path).stat()
    except OSError:
        return float("nan"), float("nan"), float("nan")
    return float(state.st_size), state.st_mtime_ns / 1e9, time_of_exposure(path)

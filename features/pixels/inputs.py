"""Checks of the images that a caller hands over: files, or uint8 pixels."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from features.errors import InputError

Images = Sequence[str] | Sequence[np.ndarray] | np.ndarray

_LOOKED_AT = 64


def check_images(images: Any) -> Images:
    """Return images in a form that `features.pixels.decode` takes, or say how to convert them.

    Parameters
    ----------
    images : sequence of str or Path, sequence of arrays, or array
        Files; or uint8 pixels, together of shape (n, height, width[, 3]), or one by one of shape
        (height, width[, 3]).

    Returns
    -------
    list or array
        File names as a list, pixels as they are.

    Raises
    ------
    InputError
        For pixels of another type or shape, such as floats in 0 to 1, and for a single file name.

    Examples
    --------
    >>> check_images(np.zeros((2, 8, 8)))
    Traceback (most recent call last):
    ...
    features.errors.InputError: images are float64 in 0 to 1: pass uint8 in 0 to 255, ...
    """
    if isinstance(images, str | bytes | PathLike):
        raise InputError(f"images {images!r}: pass a list of files, such as [{str(images)!r}]")
    if type(images).__module__.split(".")[0] == "torch":
        raise InputError("images are a torch tensor: pass a uint8 array (n, height, width[, 3]), X.numpy()")
    if isinstance(images, np.ndarray) and images.dtype.kind not in "OUS":
        _check_dtype(images, "images are")
        if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3)):
            raise InputError(
                f"images have shape {images.shape}: pass (n, height, width) or (n, height, width, 3)"
            )
        return images
    if isinstance(images, np.ndarray) and images.ndim != 1:
        raise InputError(f"file names have shape {images.shape}: pass a list of files")
    listed = list(images)
    for row, image in enumerate(listed):
        if isinstance(image, np.ndarray):
            _check_dtype(image, f"image {row} is")
            if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
                raise InputError(
                    f"image {row} has shape {image.shape}: pass (height, width) or (height, width, 3)"
                )
        elif not isinstance(image, str | PathLike):
            kind = type(image).__name__
            raise InputError(f"image {row} is of type {kind}: pass file names, or uint8 arrays")
    return [image if isinstance(image, np.ndarray) else str(image) for image in listed]  # type: ignore[return-value]


def _check_dtype(pixels: np.ndarray, subject: str) -> None:
    """Raise `InputError` unless pixels are uint8; the message says how to convert them."""
    if pixels.dtype == np.uint8:
        return
    advice = "scale them to uint8 in 0 to 255"
    described = str(pixels.dtype)
    if pixels.dtype == bool:
        advice = "pass uint8 in 0 to 255, X.astype('uint8') * 255"
    elif pixels.dtype.kind in "iuf" and pixels.size:
        some = pixels[:_LOOKED_AT] if pixels.ndim > 2 else pixels
        low, high = some.min(), some.max()
        if pixels.dtype.kind == "f" and low >= 0 and high <= 1:
            described += " in 0 to 1"
            advice = "pass uint8 in 0 to 255, (255 * X).round().astype('uint8')"
        elif pixels.dtype == np.uint16:
            advice = "pass uint8 in 0 to 255, (X // 257).astype('uint8') for 16-bit values"
        elif low >= 0 and high <= 255:
            whole = "X" if pixels.dtype.kind in "iu" else "X.round()"
            advice = f"pass uint8 in 0 to 255, {whole}.astype('uint8')"
        else:
            described += f" in {low:g} to {high:g}"
    raise InputError(f"{subject} {described}: {advice}")

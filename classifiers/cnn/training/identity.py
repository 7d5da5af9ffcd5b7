"""A digest of everything that decides the result of a training."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from features.backbones.weights import hash_state
from features.chunks import chunks

_ROWS = 256


def identify(
    settings: Mapping[str, Any], start: Mapping[str, torch.Tensor], arrays: Iterable[np.ndarray]
) -> str:
    """Return a digest of a training.

    Parameters
    ----------
    settings : mapping
        Name of each setting to its value, compared by `repr`.
    start : mapping of str to tensor
        State dict of the untrained network. It covers a weights file that was overwritten in place.
    arrays : iterable of arrays
        Images, classes and sample weights. All rows count; memory-mapped arrays are read in chunks.

    Returns
    -------
    str
        64 hexadecimal digits, the same in every process and on every device.

    Examples
    --------
    >>> import numpy as np
    >>> pixels = np.zeros((4, 8, 8), np.uint8)
    >>> identify({"epochs": 1}, {}, [pixels]) == identify({"epochs": 2}, {}, [pixels])
    False
    """
    digest = hashlib.sha256(repr(sorted(settings.items())).encode())
    digest.update(hash_state(dict(start)).encode())
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        for rows in chunks(len(array), _ROWS):
            digest.update(np.ascontiguousarray(array[rows]).data)
    return digest.hexdigest()


def settings_of(estimator: BaseEstimator) -> dict[str, Any]:
    """Return the settings of an estimator that knows its classes, for `identify`.

    The device is left out: training that was killed on one device may go on on another. So is attention where
    there is none, which a training that an older version began does not know.
    """
    params = {k: v for k, v in estimator.get_params().items() if k not in ("checkpoint", "device")}
    if not params.get("attention_weight"):
        params.pop("attention_weight", None)
    return {**params, "class": type(estimator).__qualname__, "classes": estimator.classes_.tolist()}

"""Named preprocessings of the decoded pixels, before resizing."""

from collections.abc import Callable

import numpy as np

from features.errors import InputError

Preprocess = Callable[[np.ndarray], np.ndarray]


def names() -> list[str]:
    """Return the names of the preprocessings."""
    return list(_REGISTRY)


def get_preprocess(name: str) -> Preprocess:
    """Return the function, uint8 image to uint8 image, of a preprocessing."""
    if name not in _REGISTRY:
        raise InputError(f"no preprocessing {name!r}; there are: {', '.join(_REGISTRY)}")
    return _REGISTRY[name]


def _none(image: np.ndarray) -> np.ndarray:
    return image


_REGISTRY: dict[str, Preprocess] = {"none": _none}

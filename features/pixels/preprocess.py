"""Named preprocessings of the decoded pixels, before resizing, that move defect boxes along.

| name | what it does |
| --- | --- |
| `none` | nothing |
| `crop20` ... | cut that many pixels off every side |
| `I`, `I:30:60` | cut 30 pixels off every side and set intensities under 60 to black |
| `II`, `II:128` | black and white, by Otsu's threshold or a fixed one |
| `centre200` ... | keep the central square of that side |
| `bits12`, `bits12+crop20` ... | read 16-bit files as that many bits (9 to 16); then any of the others |
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from features.errors import InputError

Window = tuple[int, int, int, int]


@dataclass(frozen=True)
class Preprocess:
    """One preprocessing: a window that is kept, and what is done to the pixels in it.

    Parameters
    ----------
    name : str
        As the user typed it.
    window : callable
        Image (height, width) to the kept (x1, y1, x2, y2), x2 and y2 not included.
    recolour : callable
        uint8 image to uint8 image of the same shape.
    bit_depth : int, optional
        How many bits the values of 16-bit files use; passed on to the decoder. See
        `features.pixels.images.read_image`.
    """

    name: str
    window: Callable[[int, int], Window]
    recolour: Callable[[np.ndarray], np.ndarray]
    bit_depth: int | None = None

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the processed uint8 image, (height, width) or (height, width, 3)."""
        x1, y1, x2, y2 = self.checked_window(*image.shape[:2])
        return self.recolour(image[y1:y2, x1:x2])

    def move_boxes(self, boxes: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return where boxes of the original image lie in the processed one.

        Parameters
        ----------
        boxes : float array, shape (n, 4)
            x1, y1, x2, y2 in pixels, inclusive; NaN for none.
        height, width : int
            Of the original image.

        Returns
        -------
        float array, shape (n, 4)
            Clipped to the processed image; NaN where nothing of the box is left.
        """
        x1, y1, x2, y2 = self.checked_window(height, width)
        moved = np.asarray(boxes, float).reshape(-1, 4) - (x1, y1, x1, y1)
        gone = (moved[:, 2] < 0) | (moved[:, 3] < 0) | (moved[:, 0] >= x2 - x1) | (moved[:, 1] >= y2 - y1)
        moved = np.clip(moved, 0, (x2 - x1 - 1, y2 - y1 - 1) * 2)
        moved[gone] = np.nan
        return moved

    def checked_window(self, height: int, width: int) -> Window:
        """Return the kept part x1, y1, x2, y2 of an image; `InputError` when nothing is left."""
        x1, y1, x2, y2 = self.window(height, width)
        if x2 - x1 < 1 or y2 - y1 < 1:
            raise InputError(f"preprocessing {self.name!r} leaves nothing of {width} x {height} pixels")
        return x1, y1, x2, y2


def examples() -> list[str]:
    """Return one name of every form."""
    return ["none", "crop20", "crop50", "I", "I:20:40", "II", "II:128", "centre200", "bits12+crop20"]


def get_preprocess(name: str) -> Preprocess:
    """Return the preprocessing of a name; `InputError` lists the forms there are."""
    deep = re.fullmatch(r"bits(9|1[0-6])(?:\+(?!bits)(.+))?", name)
    if deep:
        return replace(get_preprocess(deep[2] or "none"), name=name, bit_depth=int(deep[1]))
    for pattern, make in _FORMS:
        match = re.fullmatch(pattern, name)
        if match:
            return make(name, match)
    raise InputError(f"no preprocessing {name!r}; there are: {', '.join(examples())}")


def with_bit_depth(name: str, bit_depth: int | None) -> str:
    """Return the name of a preprocessing that also reads 16-bit files as this number of bits.

    Examples
    --------
    >>> with_bit_depth("crop20", 12), with_bit_depth("none", 12), with_bit_depth("crop20", None)
    ('bits12+crop20', 'bits12', 'crop20')
    """
    if bit_depth is None or name.startswith("bits"):
        return name
    return f"bits{bit_depth}" + ("" if name == "none" else f"+{name}")


def otsu_threshold(image: np.ndarray) -> int:
    """Return the grey value that parts the histogram best.

    References
    ----------
    Otsu, A threshold selection method from gray-level histograms, IEEE SMC 9, 1979.
    """
    counts = np.bincount(image.ravel(), minlength=256).astype(float)
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return int(np.nanargmax(between)) + 1 if np.isfinite(between).any() else 128


def _whole(height: int, width: int) -> Window:
    return 0, 0, width, height


def _same(image: np.ndarray) -> np.ndarray:
    return image


def _cut(margin: int) -> Callable[[int, int], Window]:
    return lambda height, width: (margin, margin, width - margin, height - margin)


def _black_below(threshold: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda image: np.where(image < threshold, 0, image).astype(np.uint8)


def _black_and_white(threshold: int | None) -> Callable[[np.ndarray], np.ndarray]:
    def recolour(image: np.ndarray) -> np.ndarray:
        limit = otsu_threshold(image) if threshold is None else threshold
        return np.where(image < limit, 0, 255).astype(np.uint8)

    return recolour


def _centre(side: int) -> Callable[[int, int], Window]:
    def window(height: int, width: int) -> Window:
        x1, y1 = max(0, (width - side) // 2), max(0, (height - side) // 2)
        return x1, y1, min(width, x1 + side), min(height, y1 + side)

    return window


_Maker = Callable[[str, re.Match[str]], Preprocess]
_FORMS: list[tuple[str, _Maker]] = [
    (r"none", lambda name, m: Preprocess(name, _whole, _same)),
    (r"crop(\d+)", lambda name, m: Preprocess(name, _cut(int(m[1])), _same)),
    (r"I", lambda name, m: Preprocess(name, _cut(30), _black_below(60))),
    (r"I:(\d+):(\d+)", lambda name, m: Preprocess(name, _cut(int(m[1])), _black_below(int(m[2])))),
    (r"II", lambda name, m: Preprocess(name, _whole, _black_and_white(None))),
    (r"II:(\d+)", lambda name, m: Preprocess(name, _whole, _black_and_white(int(m[1])))),
    (r"cent(?:re|er)(\d+)", lambda name, m: Preprocess(name, _centre(int(m[1])), _same)),
]

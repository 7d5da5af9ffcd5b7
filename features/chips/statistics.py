"""What the real defects are like: how many, how large, where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

WIDTH, HEIGHT = 275, 267

# Images of the second contest: good and defective, train and test.
COUNTS = {
    ("train", "good"): 27_420,
    ("train", "bad"): 7_037,
    ("test", "good"): 3_003,
    ("test", "bad"): 827,
}
TOTAL = sum(COUNTS.values())

_QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class BoxStatistics:
    """Quantiles (5, 25, 50, 75, 95%) of one class's boxes, pixels of a 275 x 267 image."""

    width: tuple[int, ...]
    height: tuple[int, ...]
    centre_x: tuple[int, ...]
    centre_y: tuple[int, ...]


# Counts and quantiles of the 7,441 boxes of the second contest; of the classes without boxes the
# numbers of images that are left, and boxes around the part.
SHARES = {
    "chipping": 3681,
    "foreign material": 1952,
    "scratch": 749,
    "lead glue": 625,
    "lead defect": 254,
    "marking defect": 175,
    "pocket damage": 5,
    "empty pocket": 211,
    "device flip": 212,
}
BOXES = {
    "chipping": BoxStatistics(
        (27, 46, 79, 204, 217), (25, 37, 60, 95, 106), (34, 68, 129, 196, 222), (97, 125, 141, 160, 178)
    ),
    "foreign material": BoxStatistics(
        (21, 34, 67, 149, 211), (19, 27, 34, 69, 98), (48, 100, 130, 162, 207), (91, 110, 134, 157, 176)
    ),
    "scratch": BoxStatistics(
        (22, 43, 79, 170, 211), (25, 43, 72, 92, 102), (51, 86, 126, 164, 213), (101, 126, 136, 149, 170)
    ),
    "lead glue": BoxStatistics(
        (22, 28, 34, 38, 46), (23, 28, 32, 38, 53), (50, 62, 188, 197, 214), (58, 69, 76, 86, 190)
    ),
    "lead defect": BoxStatistics(
        (32, 42, 53, 97, 235), (28, 44, 53, 82, 188), (60, 126, 136, 172, 218), (58, 76, 130, 198, 213)
    ),
    "marking defect": BoxStatistics(
        (48, 163, 166, 169, 180), (55, 60, 64, 69, 88), (84, 126, 130, 142, 155), (122, 126, 130, 138, 151)
    ),
    "pocket damage": BoxStatistics(
        (68, 110, 165, 220, 261), (38, 70, 110, 150, 186), (60, 100, 137, 175, 215), (60, 95, 133, 170, 205)
    ),
    "empty pocket": BoxStatistics(
        (165, 180, 190, 200, 210),
        (150, 165, 175, 185, 200),
        (127, 133, 137, 141, 148),
        (123, 129, 133, 137, 143),
    ),
    "device flip": BoxStatistics(
        (150, 155, 160, 166, 172),
        (86, 91, 96, 101, 108),
        (127, 133, 137, 141, 148),
        (122, 128, 132, 136, 142),
    ),
}
DEFECTS = tuple(SHARES)


def kind_of(seed: int, index: int) -> tuple[str, str]:
    """Return split (train or test) and class of image `index`: `good` or one of `DEFECTS`.

    Consecutive indices are spread evenly over the real shares by the golden-ratio sequence, so any
    number of images has them up to rounding.
    """
    start = np.random.default_rng([seed, 77]).random()
    (split, label), place = _pick(COUNTS, float((start + (index + 1) * _GOLDEN) % 1.0))
    # The place within the share of defective images is spread evenly too, and picks the class.
    return split, "good" if label == "good" else _pick(SHARES, place)[0]


def draw_box(name: str, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Draw a box (x1, y1, x2, y2) of a class from its quantiles, inside the image, inclusive."""
    statistics = BOXES[name]
    width, height = _draw(statistics.width, rng), _draw(statistics.height, rng)
    width, height = min(width, WIDTH - 4), min(height, HEIGHT - 4)
    x = np.clip(_draw(statistics.centre_x, rng), width / 2, WIDTH - 1 - width / 2)
    y = np.clip(_draw(statistics.centre_y, rng), height / 2, HEIGHT - 1 - height / 2)
    x1, y1 = int(x - width / 2), int(y - height / 2)
    return x1, y1, int(x1 + width), int(y1 + height)


def _draw(quantiles: tuple[int, ...], rng: np.random.Generator) -> float:
    low = max(4.0, quantiles[0] - 0.3 * (quantiles[1] - quantiles[0]))
    high = quantiles[-1] + 0.3 * (quantiles[-1] - quantiles[-2])
    return float(np.interp(rng.random(), (0, *_QUANTILES, 1), (low, *quantiles, high)))


_Name = TypeVar("_Name")


def _pick(shares: Mapping[_Name, int], u: float) -> tuple[_Name, float]:
    """Return whose share of [0, 1) holds `u`, and where in that share it lies, from 0 to 1."""
    edge = u * sum(shares.values())
    for name, share in shares.items():
        if edge < share:
            return name, edge / share
        edge -= share
    return name, 1.0

"""One photograph, a function of seed and index alone."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from features.chips.defects import Box, Canvas, draw_defect
from features.chips.scene import add_distractions, draw_part, draw_tape, place
from features.chips.statistics import HEIGHT, WIDTH, draw_box, kind_of

__all__ = ["HEIGHT", "WIDTH", "Chip", "draw_chip"]


@dataclass(frozen=True, eq=False)
class Chip:
    """One generated photograph.

    Parameters
    ----------
    name : str
        File name without suffix; begins with the lot.
    split : str
        train or test.
    defects : tuple of (str, Box)
        Class and box of each defect; empty for a good part. Two where a flipped device has a lead
        defect as well.
    mislabelled : bool
        Whether the label given to it is the wrong one.
    pixels : uint8 array, shape (267, 275)
    """

    name: str
    split: str
    defects: tuple[tuple[str, Box], ...]
    mislabelled: bool
    pixels: np.ndarray

    @property
    def truly_bad(self) -> bool:
        """Whether the part is defective."""
        return bool(self.defects)

    @property
    def labelled_bad(self) -> bool:
        """Whether the part is called defective."""
        return self.truly_bad != self.mislabelled


def draw_chip(seed: int, index: int, *, difficulty: float = 1.0, label_noise: float = 0.0) -> Chip:
    """Draw photograph `index`.

    Parameters
    ----------
    seed, index : int
        Decide everything.
    difficulty : float
        Divides the contrast of the defects: 1 as tuned, 0.5 plain to see, 2 hard.
    label_noise : float
        Share of the training images with the wrong label.

    Returns
    -------
    Chip
    """
    split, kind = kind_of(seed, index)
    rng = np.random.default_rng([seed, index])
    part = draw_part(rng)
    image = draw_tape(part, rng)
    defects: list[tuple[str, Box]] = []
    if kind != "good":
        defects.append((kind, draw_box(kind, rng)))
        if kind == "device flip" and rng.random() < 0.3:
            defects.insert(0, ("lead defect", draw_box("lead defect", rng)))
    if kind != "empty pocket":
        place(image, part, rng, flipped=kind == "device flip")
    for name, box in defects:
        contrast = (0.5 + 0.75 * float(rng.beta(2.0, 1.6))) / difficulty
        draw_defect(name, Canvas(image, part, box, contrast, rng))
    add_distractions(image, rng)
    noise = np.random.default_rng([seed, index, 1])
    return Chip(
        name=_name(seed, index),
        split=split,
        defects=tuple(defects),
        mislabelled=split == "train" and bool(noise.random() < label_noise),
        pixels=_photograph(image, rng),
    )


def _photograph(image: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Blur a little, expose, and add the sensor's noise."""
    soft = np.asarray(image.filter(ImageFilter.BoxBlur(0.6)), dtype=np.float32)
    gain, sigma = np.float32(rng.uniform(0.88, 1.12)), np.float32(rng.uniform(2.5, 4.0))
    tilt = np.linspace(-1, 1, WIDTH, dtype=np.float32) * np.float32(rng.normal(0, 2))
    soft *= gain
    soft += tilt
    soft += sigma * rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32)
    return np.clip(soft, 0, 255).astype(np.uint8)


def _name(seed: int, index: int) -> str:
    """Name the file as the machines do: lot, wafer, station, head, unit."""
    lot = index // 9
    rng = np.random.default_rng([seed, lot, 5])
    prefix = ("WEL", "WEP", "WEA")[int(rng.integers(3))]
    letter = "ABCDEFGH"[int(rng.integers(8))]
    code = f"{prefix}9{lot % 100_000:05d}{letter}{int(rng.integers(1, 9))}A"
    wafer, head = int(rng.integers(1, 26)), int(rng.integers(9, 60))
    return f"{code}_{wafer:02d}-APG_ITIS_H{head:02d}_2_{index}_{index % 4 + 1}"

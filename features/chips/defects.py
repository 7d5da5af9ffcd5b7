"""The nine defects, each drawn inside its box."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from features.chips.scene import Part

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Canvas:
    """What a defect is drawn on.

    Parameters
    ----------
    image : Image
        The photograph so far.
    part : Part
    box : Box
        Where the defect is to be, inclusive pixels.
    contrast : float
        1 for a plain defect, towards 0 for one that hardly shows.
    rng : Generator
    """

    image: Image.Image
    part: Part
    box: Box
    contrast: float
    rng: np.random.Generator

    def blend(self, mask: Image.Image, grey: float) -> None:
        """Mix a grey value into the box where the mask is white, as strongly as the contrast says."""
        x1, y1, x2, y2 = self.box
        opacity = mask.point([int(min(1.0, self.contrast) * v) for v in range(256)])
        self.image.paste(int(np.clip(grey, 0, 255)), (x1, y1), opacity)

    def mask(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        """Return an empty mask of the box's size, and what draws on it."""
        x1, y1, x2, y2 = self.box
        image = Image.new("L", (x2 - x1 + 1, y2 - y1 + 1), 0)
        return image, ImageDraw.Draw(image)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the box."""
        return self.box[2] - self.box[0], self.box[3] - self.box[1]


def draw_defect(name: str, canvas: Canvas) -> None:
    """Draw the defect called `name` on the canvas."""
    _DRAWERS[name](canvas)


def _chipping(canvas: Canvas) -> None:
    """A broken edge: a jagged flake with a bright rim."""
    (w, h), rng = canvas.size, canvas.rng
    mask, draw = canvas.mask()
    n = max(6, w // 10)
    xs = np.linspace(0, w, n)
    ridge = h * (0.25 + 0.5 * rng.random()) + np.cumsum(rng.normal(0, h / 10, n))
    depth = np.abs(rng.normal(0, h / 4, n)) + 4
    upper = [(float(x), float(np.clip(y, 0, h))) for x, y in zip(xs, ridge, strict=True)]
    lower = [(float(x), float(np.clip(y + d, 0, h))) for x, y, d in zip(xs, ridge, depth, strict=True)]
    draw.polygon([*upper, *lower[::-1]], fill=170)
    canvas.blend(mask, 18 if rng.random() < 0.3 else 165)
    rim, pen = canvas.mask()
    pen.line(upper, fill=255, width=int(rng.integers(1, 4)))
    canvas.blend(rim, float(rng.integers(170, 256)))


def _foreign_material(canvas: Canvas) -> None:
    """A fibre or a speck."""
    (w, h), rng = canvas.size, canvas.rng
    mask, draw = canvas.mask()
    if rng.random() < 0.6:
        n = 12
        xs = np.linspace(0.03 * w, 0.97 * w, n)
        ys = h / 2 + np.cumsum(rng.normal(0, h / 6, n))
        points = [(float(x), float(np.clip(y, 1, h - 1))) for x, y in zip(xs, ys, strict=True)]
        draw.line(points, fill=255, width=int(rng.integers(3, 6)), joint="curve")
    else:
        angle = np.sort(rng.random(11)) * 2 * np.pi
        radius = 0.25 + 0.25 * rng.random(11)
        points = [
            (float(w * (0.5 + r * np.cos(a))), float(h * (0.5 + r * np.sin(a))))
            for a, r in zip(angle, radius, strict=True)
        ]
        draw.polygon(points, fill=220)
        mask = mask.filter(ImageFilter.BoxBlur(1))
    canvas.blend(mask, float(rng.integers(150, 256)) if rng.random() < 0.85 else 5)


def _scratch(canvas: Canvas) -> None:
    """One to three thin lines across the box."""
    (w, h), rng = canvas.size, canvas.rng
    mask, draw = canvas.mask()
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.random(2) * 0.25, rng.random(2)
        a, b = (w * x[0], h * y[0]), (w * (1 - x[1]), h * y[1])
        middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2 + rng.normal(0, h / 12))
        draw.line((a, middle, b), fill=int(rng.integers(190, 256)), width=int(rng.integers(1, 4)))
    canvas.blend(mask, float(rng.integers(140, 256)))


def _lead_glue(canvas: Canvas) -> None:
    """A lump of glue beside a lead."""
    (w, h), rng = canvas.size, canvas.rng
    mask, draw = canvas.mask()
    draw.ellipse((w * 0.08, h * 0.08, w * 0.92, h * 0.92), fill=200)
    draw.ellipse((w * 0.3, h * 0.3, w * 0.62, h * 0.58), fill=255)
    canvas.blend(mask.filter(ImageFilter.BoxBlur(2)), float(rng.integers(110, 235)))


def _lead_defect(canvas: Canvas) -> None:
    """A lead that is bent, bitten off or smeared."""
    (w, h), rng = canvas.size, canvas.rng
    mask, draw = canvas.mask()
    xs, ys = rng.random(6) * w, rng.random(6) * h
    draw.polygon(list(zip(xs.tolist(), ys.tolist(), strict=True)), fill=235)
    canvas.blend(mask, 8)
    smear, pen = canvas.mask()
    for _ in range(3):
        x, y = rng.random() * w, rng.random() * h
        pen.line(((x, y), (x + rng.normal(0, w / 3), y + rng.normal(0, h / 3))), fill=255, width=4)
    canvas.blend(smear, canvas.part.lead)


def _marking_defect(canvas: Canvas) -> None:
    """Marking and stripes wiped off, or printed twice."""
    (w, h), rng = canvas.size, canvas.rng
    mask, draw = canvas.mask()
    if rng.random() < 0.6:
        draw.rectangle((2, 2, w - 2, h - 2), fill=225)
        canvas.blend(mask.filter(ImageFilter.BoxBlur(3)), canvas.part.body + 4)
    else:
        x1, y1, x2, y2 = canvas.box
        copy = canvas.image.crop((x1, y1, x2 + 1, y2 + 1))
        shift = (int(rng.integers(4, 11)), int(rng.integers(4, 11)))
        strength = int(200 * min(1.0, canvas.contrast))
        canvas.image.paste(copy, (x1 + shift[0], y1 + shift[1]), Image.new("L", copy.size, strength))


def _pocket_damage(canvas: Canvas) -> None:
    """A dent in the tape: long kinks with a bright and a dark side."""
    (w, h), rng = canvas.size, canvas.rng
    for grey, width in ((210, 3), (5, 4)):
        mask, draw = canvas.mask()
        for _ in range(3):
            xs = np.linspace(0, w, 6)
            ys = rng.random() * h + np.cumsum(rng.normal(0, h / 9, 6))
            points = [(float(x), float(np.clip(y, 0, h))) for x, y in zip(xs, ys, strict=True)]
            draw.line(points, fill=230, width=width)
        canvas.blend(mask, grey)


def _empty_pocket(canvas: Canvas) -> None:
    """The floor of the pocket, sometimes lit up from below."""
    (w, h), rng = canvas.size, canvas.rng
    mask, draw = canvas.mask()
    if rng.random() < 0.5:
        draw.rounded_rectangle((2, 2, w - 2, h - 2), radius=10, fill=255)
        canvas.image.paste(int(rng.integers(215, 256)), canvas.box[:2], mask.filter(ImageFilter.BoxBlur(1)))
    else:
        radius = float(rng.uniform(0.12, 0.2)) * h
        draw.rounded_rectangle((2, 2, w - 2, h - 2), radius=10, outline=110, width=2)
        draw.ellipse((w / 2 - radius, h / 2 - radius, w / 2 + radius, h / 2 + radius), fill=90)
        canvas.image.paste(int(rng.integers(60, 120)), canvas.box[:2], mask)


def _device_flip(canvas: Canvas) -> None:
    """Nothing to add: the part itself was drawn with its underside up."""


_DRAWERS: dict[str, Callable[[Canvas], None]] = {
    "chipping": _chipping,
    "foreign material": _foreign_material,
    "scratch": _scratch,
    "lead glue": _lead_glue,
    "lead defect": _lead_defect,
    "marking defect": _marking_defect,
    "pocket damage": _pocket_damage,
    "empty pocket": _empty_pocket,
    "device flip": _device_flip,
}

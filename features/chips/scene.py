"""A good part: tape, pocket, leads, body, stripes and marking."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from features.chips.statistics import HEIGHT, WIDTH

_LETTERS = "AEKLMPSTVWZ"
_DIGITS = "123456789"


@dataclass(frozen=True)
class Part:
    """Where the part lies and what it looks like.

    Parameters
    ----------
    x, y : float
        Centre of the body, pixels.
    angle : float
        Rotation, degrees counter-clockwise.
    width, height : int
        Body, pixels.
    body : int
        Grey value of the body.
    ink : int
        Grey value of marking and stripes.
    lead : int
        Grey value of the leads.
    style : str
        `striped` (most), `plain` (square white leads, brighter tape) or `tall` (two lines of text).
    marking : str
        What is printed on it.
    upside_down : bool
        Whether the marking is.
    """

    x: float
    y: float
    angle: float
    width: int
    height: int
    body: int
    ink: int
    lead: int
    style: str
    marking: str
    upside_down: bool


def draw_part(rng: np.random.Generator) -> Part:
    """Choose a part and its place."""
    style = ("striped", "plain", "tall")[int(np.searchsorted((0.92, 0.96), rng.random()))]
    letters = rng.choice(list(_LETTERS), 2)
    marking = letters[0] + (letters[1] if rng.random() < 0.5 else rng.choice(list(_DIGITS)))
    tall = style == "tall"
    return Part(
        x=137 + rng.normal(0, 4),
        y=133 + rng.normal(0, 3.5),
        angle=rng.normal(0, 2.0) if rng.random() < 0.9 else rng.normal(0, 6),
        width=int(rng.integers(104, 116) if tall else rng.integers(148, 166)),
        height=int(rng.integers(150, 170) if tall else rng.integers(88, 104)),
        body=int(rng.integers(48, 66)),
        ink=int(rng.integers(105, 150)),
        lead=int(rng.integers(205, 250)),
        style=style,
        marking=str(marking),
        upside_down=bool(rng.random() < 0.7),
    )


def draw_tape(part: Part, rng: np.random.Generator) -> Image.Image:
    """Draw the tape and its pocket, without the part."""
    floor = int(rng.integers(18, 27)) + (28 if part.style == "plain" else 0)
    image = Image.new("L", (WIDTH, HEIGHT), floor)
    draw = ImageDraw.Draw(image)
    top, bottom = 18 + int(rng.integers(-8, 8)), 240 + int(rng.integers(-10, 10))
    draw.rectangle((0, 0, WIDTH, top), fill=max(4, floor - 12))
    draw.rectangle((0, bottom, WIDTH, HEIGHT), fill=max(4, floor - 12))
    for y in (top, bottom):
        bow = int(rng.integers(-4, 5))
        draw.line(
            ((0, y), (WIDTH // 2, y + bow), (WIDTH, y)), fill=floor + int(rng.integers(15, 45)), width=2
        )
    _recess(draw, floor, top, bottom, rng)
    wall = int(rng.integers(140, 205))
    shift = int(rng.integers(-4, 5))
    for side, x in ((1, 13 + shift), (-1, 262 + shift)):
        _wall(draw, x, side, top, bottom, wall, floor, rng)
    return image


def place(image: Image.Image, part: Part, rng: np.random.Generator, flipped: bool = False) -> None:
    """Draw the part into its pocket; `flipped` shows its underside."""
    layer = Image.new("L", (WIDTH, HEIGHT), 0)
    mask = Image.new("L", (WIDTH, HEIGHT), 0)
    draw, cover = ImageDraw.Draw(layer), ImageDraw.Draw(mask)
    x, y = WIDTH / 2, HEIGHT / 2
    left, right = x - part.width / 2, x + part.width / 2
    top, bottom = y - part.height / 2, y + part.height / 2
    _leads(draw, cover, part, x, top, bottom, rng)
    body = part.body + (14 if flipped else 0)
    draw.rectangle((left, top, right, bottom), fill=body, outline=body + 22)
    cover.rectangle((left, top, right, bottom), fill=255)
    if flipped:
        inset = (left + 14, top + 12, right - 14, bottom - 12)
        draw.rounded_rectangle(inset, radius=8, outline=body + 26, width=2)
    else:
        _print(layer, draw, part, x, left, right, top, bottom)
    offset = (round(part.x - x), round(part.y - y))
    layer, mask = (
        each.rotate(part.angle, Image.Resampling.BILINEAR, translate=offset) for each in (layer, mask)
    )
    image.paste(layer, (0, 0), mask)


def add_distractions(image: Image.Image, rng: np.random.Generator) -> None:
    """Add what good parts have too: reflections, and scratches on the tape beside the part."""
    draw = ImageDraw.Draw(image)

    def between(low: int, high: int) -> int:
        return int(rng.integers(low, high))

    if rng.random() < 0.12:
        x = between(20, 40) if rng.random() < 0.5 else between(235, 255)
        y, w, h = between(50, 215), between(3, 9), between(8, 30)
        draw.ellipse((x - w, y - h, x + w, y + h), fill=between(120, 255))
    if rng.random() < 0.18:
        x = between(5, 40) if rng.random() < 0.5 else between(235, 270)
        y, dx, dy = between(20, 220), between(-18, 19), between(10, 45)
        draw.line(((x, y), (x + dx, y + dy)), fill=between(90, 230), width=between(1, 3))
    if rng.random() < 0.18:
        y = between(5, 40) if rng.random() < 0.5 else between(225, 260)
        x, dx, dy = between(20, 200), between(15, 60), between(-6, 7)
        draw.line(((x, y), (x + dx, y + dy)), fill=between(80, 200), width=1)


def _recess(draw: ImageDraw.ImageDraw, floor: int, top: int, bottom: int, rng: np.random.Generator) -> None:
    """Draw the recess that the part lies in: its corners catch the light, its sides do not."""
    left, right = 58 + int(rng.integers(-5, 6)), 222 + int(rng.integers(-5, 6))
    high, low = top + 18 + int(rng.integers(0, 10)), bottom - 22 - int(rng.integers(0, 10))
    draw.rectangle((left, high, right, low), fill=max(3, floor - 5))
    edge = floor + int(rng.integers(16, 40))
    for x, inward in ((left, 9), (right, -9)):
        for y, down in ((high, 40), (low, -40)):
            draw.line(((x + inward, y), (x, y + down // 5), (x, y + down)), fill=edge, width=2)


def _wall(
    draw: ImageDraw.ImageDraw, x: int, side: int, top: int, bottom: int, grey: int, floor: int,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Draw one bright pocket wall: a band with a bright edge whose ends turn inwards."""
    high, low = top + int(rng.integers(14, 26)), bottom - int(rng.integers(16, 30))
    bend = int(rng.integers(-2, 3))
    draw.line(((x + 5 * side, high + 20), (x + 5 * side, low - 20)), fill=floor + 30, width=9)
    points = [(x + 12 * side, high), (x + 13 * side, high + 9), (x + 4 * side, high + 20), (x, high + 36),
              (x + bend, (high + low) // 2), (x, low - 36), (x + 4 * side, low - 20),
              (x + 13 * side, low - 9), (x + 12 * side, low)]  # fmt: skip
    draw.line(points, fill=grey, width=int(rng.integers(2, 5)), joint="curve")
    for _ in range(int(rng.integers(1, 4))):
        y = int(rng.integers(high + 20, low - 20))
        draw.line(((x - 3, y), (x + 4, y + int(rng.integers(4, 16)))), fill=grey // 2, width=3)
    if rng.random() < 0.6:
        y = int(rng.integers(high, low))
        spot = (x + 18 * side - 2, y, x + 18 * side + 3, y + int(rng.integers(6, 22)))
        draw.ellipse(spot, fill=floor + int(rng.integers(10, 40)))


def _leads(
    draw: ImageDraw.ImageDraw, cover: ImageDraw.ImageDraw, part: Part, x: float, top: float, bottom: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Draw the two leads: a bright foot at the body, a dull bend, a bright end."""
    for sign, edge in ((-1, top), (1, bottom)):
        if part.style == "striped":
            shift, dull = float(rng.normal(0, 2)), int(part.lead * rng.uniform(0.25, 0.5))
            end = int(part.lead * rng.uniform(0.6, 1))
            rows = [(1, 9, 20, part.lead), (9, 33, 17, dull), (20, 29, 18, end)]
        else:
            shift, rows = 0.0, [(2, 30, 20, 250)]
        for near, far, half, grey in rows:
            y = sorted((edge + sign * near, edge + sign * far))
            box = (x - half + shift, y[0], x + half + shift, y[1])
            draw.rectangle(box, fill=int(grey))
            cover.rectangle(box, fill=255)


def _print(
    layer: Image.Image, draw: ImageDraw.ImageDraw, part: Part, x: float, left: float, right: float,
    top: float, bottom: float,
) -> None:  # fmt: skip
    """Print stripes over the lower third of the body and the marking above them."""
    first = bottom - (0.42 * (bottom - top) if part.style != "tall" else 42)
    for number in range(6):
        y = first + number * 5.6
        draw.line(((left + 3, y), (right - 3, y)), fill=part.ink, width=2)
    glyphs = _glyphs(part.marking, 34, part.upside_down)
    y = int(top + 0.12 * (bottom - top))
    layer.paste(part.ink * 9 // 10, (int(x - glyphs.width / 2), y), glyphs)
    if part.style == "tall":
        small = _glyphs(f"W{part.marking[1]}6", 22, part.upside_down)
        layer.paste(part.ink * 8 // 10, (int(x - small.width / 2), y + 48), small)


@lru_cache(maxsize=1024)
def _glyphs(text: str, size: int, upside_down: bool) -> Image.Image:
    """Return the printed characters as a mask."""
    font = ImageFont.load_default(size)
    gap = size // 3
    boxes = [font.getbbox(letter) for letter in text]
    width = sum(int(box[2] - box[0]) for box in boxes) + gap * (len(text) - 1)
    top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
    mask = Image.new("L", (width + 4, int(bottom - top) + 4), 0)
    draw, x = ImageDraw.Draw(mask), 2.0
    for letter, box in zip(text, boxes, strict=True):
        draw.text((x - box[0], 2 - top), letter, font=font, fill=255, stroke_width=0.6)
        x += box[2] - box[0] + gap
    return mask.transpose(Image.Transpose.ROTATE_180) if upside_down else mask

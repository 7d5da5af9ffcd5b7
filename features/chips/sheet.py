"""A contact sheet: good parts, and every kind of defect."""

import itertools

import numpy as np

from features.chips.generator import draw_chip
from features.chips.statistics import DEFECTS, HEIGHT, WIDTH, kind_of

COLUMNS = 4
GAP = 6


def contact_sheet(seed: int = 0, good: int = 6, difficulty: float = 1.0) -> np.ndarray:
    """Draw the first good parts and the first of each defect, four in a row.

    Parameters
    ----------
    seed : int
        Seed of the generator.
    good : int
        Good parts before the nine defects.
    difficulty : float
        See `draw_chip`.

    Returns
    -------
    uint8 array, shape (height, width)
        With the defaults sixteen photographs: six good ones, the nine defects and another chipping.
    """
    wanted = ["good"] * good + list(DEFECTS)
    wanted += ["chipping"] * (-len(wanted) % COLUMNS)
    found: list[np.ndarray] = []
    used: set[int] = set()
    for kind in wanted:
        index = next(i for i in itertools.count() if i not in used and kind_of(seed, i)[1] == kind)
        used.add(index)
        pixels = draw_chip(seed, index, difficulty=difficulty).pixels
        found.append(np.pad(pixels, GAP // 2, constant_values=255))
    tiles = np.stack(found).reshape(-1, COLUMNS, HEIGHT + GAP, WIDTH + GAP)
    return tiles.transpose(0, 2, 1, 3).reshape(-1, COLUMNS * (WIDTH + GAP))

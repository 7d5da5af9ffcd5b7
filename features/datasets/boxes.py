"""Defect boxes: the two forms of their files, and what must be mended in them."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import InputError
from features.pixels.listing import SUFFIXES, nfc
from features.tables import read_rows

CORNERS = ["x1", "y1", "x2", "y2"]
#: What separates the boxes of one image in the column `boxes`; the corners are separated by spaces.
SEPARATOR = ";"
_AREA_COLUMNS = ["id", "x_1", "y_1", "x_2", "y_2"]
_CLASS_COLUMNS = ["image_id", "class", "shape", *CORNERS]


@dataclass(frozen=True)
class Boxes:
    """Boxes as they are after mending.

    Parameters
    ----------
    table : DataFrame
        `image_id` (without suffix), `defect_class` (empty where the file has none) and `x1, y1, x2,
        y2` (float pixels, inclusive; NaN where there is no usable box).
    repairs : dict of str to int
        How many boxes needed what.
    """

    table: pd.DataFrame
    repairs: dict[str, int]

    def describe(self) -> str:
        """Return one line: how many boxes, and every repair with its count."""
        repairs = [f"{count} {what}" for what, count in self.repairs.items() if count]
        return f"{len(self.table)} defect boxes: {', '.join(repairs) or 'none needed a repair'}"


def read_boxes(paths: list[Path]) -> pd.DataFrame:
    """Read box files of either form, with or without header, ids with or without suffix.

    Returns
    -------
    DataFrame
        `image_id` (without suffix and folders), `file` (with the folders that stand there),
        `defect_class`, `x1, y1, x2, y2` as they stand in the files (NaN where missing).

    Raises
    ------
    InputError
        Naming the file that is neither `id,x_1,y_1,x_2,y_2` nor `image_id,class,shape,x1,y1,x2,y2`.
    """
    frames = [_read_one(path) for path in paths]
    if not frames:
        return pd.DataFrame({name: [] for name in ("image_id", "file", "defect_class", *CORNERS)})
    table = pd.concat(frames, ignore_index=True)
    # The same box often stands in a file with classes and in one without: the class is worth keeping.
    classed_first = table.sort_values("defect_class", key=lambda names: names == "", kind="stable")
    return classed_first.drop_duplicates(["file", *CORNERS]).sort_index().reset_index(drop=True)


def is_box_file(path: Path) -> bool:
    """Return whether the first line of a CSV file has the form of a box file."""
    try:
        first = [cell.strip() for cell in read_rows(path)[0][1]]
    except InputError:
        return False
    return first[:5] == _AREA_COLUMNS or len(first) == 7


def mend_boxes(boxes: pd.DataFrame, *, width: int, height: int, fill_missing: bool = False) -> Boxes:
    """Order the corners, clip to the image, and blank what is no box; optionally fill what is blank.

    Parameters
    ----------
    boxes : DataFrame
        As `read_boxes` returns.
    width, height : int
        Of the images, pixels.
    fill_missing : bool
        Whether a missing box becomes its class's median box (all boxes' where the class has none).

    Returns
    -------
    Boxes
    """
    table = boxes.reset_index(drop=True).copy()
    corners = table[CORNERS].to_numpy(float)
    repairs: Counter[str] = Counter()
    missing = np.isnan(corners).any(axis=1)
    repairs["with missing values"] = int(missing.sum())
    swapped = ~missing & ((corners[:, 0] > corners[:, 2]) | (corners[:, 1] > corners[:, 3]))
    repairs["with swapped corners"] = int(swapped.sum())
    low, high = np.fmin(corners[:, :2], corners[:, 2:]), np.fmax(corners[:, :2], corners[:, 2:])
    limits = np.array([width - 1, height - 1], float)
    outside = ~missing & ((low > limits) | (high < 0)).any(axis=1)
    repairs["wholly outside the image"] = int(outside.sum())
    over = ~missing & ~outside & ((low < 0) | (high > limits)).any(axis=1)
    repairs["clipped to the image"] = int(over.sum())
    low, high = np.clip(low, 0, limits), np.clip(high, 0, limits)
    flat = ~missing & ~outside & (high <= low).any(axis=1)
    repairs["without area"] = int(flat.sum())
    mended = np.hstack([low, high])
    blank = missing | outside | flat
    mended[blank] = np.nan
    table[CORNERS] = mended
    if fill_missing and blank.any():
        median = table.groupby("defect_class")[CORNERS].transform("median")
        table[CORNERS] = table[CORNERS].fillna(median).fillna(table[CORNERS].median())
        repairs["filled with a median box"] = int(blank.sum())
    return Boxes(table, dict(repairs))


def _read_one(path: Path) -> pd.DataFrame:
    rows = read_rows(path)
    widths = {len(row) for _, row in rows}
    columns = {5: ["image_id", *CORNERS], 7: _CLASS_COLUMNS}.get(max(widths))
    if columns is None:
        raise InputError(
            f"{path}: {max(widths)} columns; expected {','.join(_AREA_COLUMNS)} or {','.join(_CLASS_COLUMNS)}"
        )
    ragged = next((line for line, row in rows if len(row) != len(columns)), None)
    if ragged is not None:
        raise InputError(f"{path}, line {ragged}: expected {len(columns)} values")
    raw = pd.DataFrame([[cell.strip() for cell in row] for _, row in rows], dtype=str)
    headed = raw.iloc[0].tolist() in (_AREA_COLUMNS, _CLASS_COLUMNS)
    raw.columns = pd.Index(columns)
    table = raw.iloc[1:] if headed else raw
    numbers = table[CORNERS].apply(pd.to_numeric, errors="coerce")
    classes = table["class"] if "class" in table else pd.Series("", index=table.index)
    return pd.DataFrame(
        {
            "image_id": table["image_id"].map(without_suffix),
            "file": table["image_id"].map(_file),
            "defect_class": classes.map(class_name),
            **{corner: numbers[corner] for corner in CORNERS},
        }
    )


def without_suffix(name: object) -> str:
    """Return a file name or id without an image suffix and without folders."""
    return _file(name).rsplit("/", 1)[-1]


def _file(name: object) -> str:
    """Return a path as it stands in a file, in composed characters and without an image suffix."""
    text = nfc(str(name)).strip().replace("\\", "/").removeprefix("./")
    stem, dot, suffix = text.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in SUFFIXES else text


def class_name(text: str) -> str:
    """Return a defect class in plain words: `foreign_material` is `foreign material`."""
    return " ".join(str(text).strip().lower().replace("_", " ").replace("-", " ").split())

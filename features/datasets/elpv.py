"""ELPV: 2,624 electroluminescence photographs of solar cells, from the PyPI package `elpv-dataset`."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from features.datasets.base import DatasetSpec, ImageDataset
from features.datasets.options import BitDepth, Options
from features.errors import InputError
from features.pixels.listing import image_ids, is_hidden, is_image_name, nfc
from features.tables import SEPARATORS, read_rows, read_text

CREDIT = (
    "ELPV images: Deitsch et al., Buerhop-Lutz et al., ZAE Bayern; CC BY-NC-SA 4.0 "
    "(https://github.com/zae-bayern/elpv-dataset)"
)
CELLS_PER_MODULE = 60
#: A guessed module keeps cells when this number is left out on each side.
_MOST_LEFT_OUT = 20


class ElpvOptions(Options):
    """Options of `load`."""

    root: str | None = Field(
        default=None,
        description="Folder with labels.csv and images/; by default the installed package's.",
        json_schema_extra={"flag": True},
    )
    threshold: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="Defect probability above which a cell is defective.",
        json_schema_extra={"flag": True},
    )
    certainty_weights: bool = Field(
        default=False, description="Weigh images by how certain their label is (1, or 2/3 for doubtful ones)."
    )
    boundary_cells: int = Field(
        default=0,
        ge=0,
        le=_MOST_LEFT_OUT,
        description="Cells to leave out on each side of a guessed module boundary, for --split group.",
        json_schema_extra={"flag": True},
    )
    bit_depth: BitDepth = None


def load(
    root: str | Path | None = None,
    threshold: float = 0.5,
    certainty_weights: bool = False,
    boundary_cells: int = 0,
    bit_depth: int | None = None,
) -> ImageDataset:
    """Read the ELPV images.

    Parameters
    ----------
    root : str or Path, optional
        The folder with `labels.csv` and `images/`; the installed package's by default.
    threshold : float
        A cell is defective when its defect probability (0, 1/3, 2/3 or 1) is greater.
    certainty_weights : bool
        Whether to add the column `weight`: 1 for sure labels, 2/3 for the annotators' doubtful ones.
    boundary_cells : int
        Number of cells that are left out on each side of a guessed boundary between two modules; see
        `near_boundary`.
    bit_depth : int, optional
        How many bits the values of 16-bit files use, where fewer than 16; see
        `features.pixels.images.read_image`.

    Returns
    -------
    ImageDataset
        With the columns `probability`, `type` (mono or poly) and `group`: the solar module as
        `module_of` guesses it, so that a split by groups is called `approximate groups`.

    Raises
    ------
    InputError
        When the package is not installed or the labels file is not as it should be.

    References
    ----------
    Deitsch et al., Automatic classification of defective photovoltaic module cells in
    electroluminescence images, Solar Energy 185, 2019.
    """
    root = Path(root).expanduser() if root is not None else _package_folder()
    labels = root / "labels.csv"
    if not labels.is_file():
        raise InputError(f"{labels}: no such file; --root takes the folder with labels.csv and images/")
    table, problems = read_labels(labels)
    if table.empty:
        raise InputError(f"{labels}: no row with a usable label; the first: {problems[0][1]}")
    table["label"] = np.where(table["probability"] > threshold, "defective", "functional")
    table["group"] = module_of(table["type"])
    if certainty_weights:
        table["weight"] = np.maximum(table["probability"], 1 - table["probability"])
    if boundary_cells:
        kept = ~near_boundary(table["group"], table["type"], boundary_cells)
        table = table[kept].reset_index(drop=True)
    return ImageDataset(
        name="elpv",
        table=table,
        classes=("functional", "defective"),
        positive=("defective",),
        symmetric=True,
        credit=CREDIT,
        problems=tuple(problems),
        bit_depth=bit_depth,
    )


def read_labels(path: Path) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Read the labels file: path, defect probability and cell type in each line, without header.

    Parameters
    ----------
    path : Path
        Values are separated by spaces, as in the package, or by a comma, semicolon or tab.

    Returns
    -------
    table : DataFrame
        `image_id`, `path`, `probability` (float) and `type`.
    problems : list of (str, str)
        Rows left out, each with its reason: a label that is no number from 0 to 1, a hidden file, an image
        that is listed again.

    Raises
    ------
    InputError
        For a file that is no text, is empty, or has a line of another form.
    """
    rows: list[tuple[str, float, str]] = []
    problems: list[tuple[str, str]] = []
    seen: dict[str, float] = {}
    for number, values in _lines(path):
        if len(values) != 3:
            raise InputError(
                f"{path}, line {number}: expected three columns without header: path, probability, type; "
                f"found {len(values)}"
            )
        name, given, kind = (value.strip() for value in values)
        name = name.replace("\\", "/")
        probability = pd.to_numeric(given.replace(",", "."), errors="coerce")
        if number == 1 and not is_image_name(name) and np.isnan(probability):
            raise InputError(f"{path}: expected three columns without header: path, probability, type")
        full = str(path.parent / name)
        if any(is_hidden(part) for part in name.split("/") if part not in (".", "..")):
            problems.append((full, "hidden file"))
        elif not 0 <= probability <= 1:
            problems.append((full, f"label {given!r} (line {number}) is no number from 0 to 1"))
        elif name in seen:
            again = "again" if seen[name] == probability else f"again, with another label {given}"
            problems.append((full, f"listed {again} (line {number}); the first row counts"))
        else:
            seen[name] = float(probability)
            rows.append((name, float(probability), kind))
    table = pd.DataFrame(rows, columns=["path", "probability", "type"])
    table.insert(0, "image_id", _ids(list(table["path"])))
    table["path"] = [str(path.parent / name) for name in table["path"]]
    return table, problems


def is_elpv(root: Path) -> bool:
    """Return whether a folder holds ELPV's files: labels.csv of its form, and no folders but images/."""
    labels = root / "labels.csv"
    if not labels.is_file():
        return False
    folders = {each.name for each in root.iterdir() if each.is_dir() and not is_hidden(each.name)}
    if not folders <= {"images"}:
        return False
    try:
        _, first = _lines(labels)[0]
    except InputError:
        return "images" in folders
    return len(first) == 3 and is_image_name(first[0].strip())


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the values in each line; a path may hold spaces."""
    text = read_text(path)
    first = next(line for line in text.splitlines() if line.strip())
    if any(first.count(separator) >= 2 for separator in SEPARATORS):
        return read_rows(path)
    return [(i, line.rsplit(None, 2)) for i, line in enumerate(text.splitlines(), 1) if line.strip()]


def _ids(paths: list[str]) -> list[str]:
    """Return file names without suffix; where two are equal, paths."""
    stems = pd.Series([nfc(Path(path).stem) for path in paths], dtype=object)
    whole = pd.Series(image_ids(paths), dtype=object)
    return stems.where(~stems.duplicated(keep=False), whole).tolist()


def module_of(cell_type: pd.Series) -> list[str]:
    """Guess the solar module of each row.

    The file lists the cells module by module but does not say where one ends. Runs of one cell type
    are cut into equal blocks of about 60 cells, the usual module; that gives the 18 mono- and 26
    polycrystalline modules of the paper. A boundary may be off by a few cells.
    """
    run = (cell_type != cell_type.shift()).cumsum()
    names: list[str] = []
    for number, cells in cell_type.groupby(run, sort=True):
        blocks = max(1, round(len(cells) / CELLS_PER_MODULE))
        block = np.arange(len(cells)) * blocks // len(cells)
        names += [f"{cells.iloc[0]}-{number:02d}-{index:02d}" for index in block]
    return names


def near_boundary(module: pd.Series, cell_type: pd.Series, cells: int) -> np.ndarray:
    """Return which rows lie near a boundary between two modules that `module_of` has guessed.

    A row that the guess puts into the wrong module may have its true neighbours in another split. Left out,
    it is in none. Between cells of two types the boundary is known, and nothing is near it.

    Parameters
    ----------
    module, cell_type : Series of str, shape (n,)
        In the order of the labels file.
    cells : int
        Number of rows on each side of a boundary.

    Returns
    -------
    bool array, shape (n,)

    Examples
    --------
    >>> near_boundary(pd.Series(list("aaabbb")), pd.Series(["mono"] * 6), 1)
    array([False, False,  True,  True, False, False])
    """
    first = (module != module.shift()) & (cell_type == cell_type.shift())
    near = np.zeros(len(module), bool)
    for row in np.flatnonzero(first):
        near[max(row - cells, 0) : row + cells] = True
    return near


def write_example(directory: Path, seed: int) -> dict[str, Any]:
    """Write 40 small grey cells with a labels file of the same form."""
    rng = np.random.default_rng(seed)
    (directory / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for index in range(40):
        probability = (0.0, 1.0, 1 / 3, 2 / 3)[index % 4]
        pixels = rng.normal(120, 10, (60, 60))
        if probability > 0.5:
            pixels[:, 20 + index % 7] -= 90
        name = f"images/cell{index + 1:04d}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(directory / name)
        lines.append(f"{name}  {probability}  {'mono' if index < 20 else 'poly'}")
    (directory / "labels.csv").write_text("\n".join(lines) + "\n")
    return {"root": str(directory)}


def _package_folder() -> Path:
    found = importlib.util.find_spec("elpv_dataset")
    if found is None or found.origin is None:
        raise InputError("dataset elpv needs its images: pip install 'defectbench[elpv]'")
    return Path(found.origin).parent / "data"


SPEC = DatasetSpec(
    name="elpv",
    load=load,
    summary="2,624 solar cells, 300 x 300 grey, good / defective (CC BY-NC-SA 4.0)",
    write_example=write_example,
    options=ElpvOptions,
    guessed_groups=(
        f"the files name no solar module, so the groups are blocks of about {CELLS_PER_MODULE} neighbouring "
        "cells of one type, whose boundaries may be off by a few cells (--boundary-cells 3 leaves those out)"
    ),
)

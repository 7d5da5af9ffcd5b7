"""Nexperia's photographs of chips in their tape pockets, as both contests' files lie on disk."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from features.chips.statistics import DEFECTS, HEIGHT, WIDTH
from features.datasets.base import DatasetSpec, ImageDataset
from features.datasets.boxes import CORNERS, Boxes, class_name, is_box_file, mend_boxes, read_boxes
from features.datasets.options import Options
from features.errors import InputError
from features.pixels.listing import SUFFIXES

GOOD, DEFECT = "good", "defect"

# Where each layout keeps good, defective and unlabelled images.
LAYOUTS = {
    "first": ("train/good_0", "train/bad_1", "test/all_tests"),
    "second": ("train/train_contest/good_all", "train/train_contest/defect", "test/test_contest"),
    "rearranged": ("train/good", "train/defect", "test"),
}


class NexperiaOptions(Options):
    """Options of `load`."""

    root: str = Field(
        description="Folder that holds train/ and test/, or a folder around it.",
        json_schema_extra={"flag": True},
    )
    boxes: str | None = Field(
        default=None,
        description="CSV file of defect boxes; by default every box file found beside the images.",
    )
    fill_missing_boxes: bool = Field(
        default=False,
        description="Give images without a box the median box of their class.",
        json_schema_extra={"flag": True},
    )


def load(
    root: str | Path,
    boxes: str | Path | None = None,
    fill_missing_boxes: bool = False,
) -> ImageDataset:
    """Read either contest's files.

    Parameters
    ----------
    root : str or Path
        The folder that holds `train` and `test`, or a folder around it.
    boxes : str or Path, optional
        A file of defect boxes; by default every box file that lies in `root` or `train` is read.
    fill_missing_boxes : bool
        Whether a missing box becomes its class's median box.

    Returns
    -------
    ImageDataset
        `label` is the defect class where a box file or a subfolder tells it, else `defect`; `defects`
        lists all classes of an image that has several, which is one row all the same. `group` is the
        lot. The unlabelled images are in `unlabelled`.

    Raises
    ------
    InputError
        When the folder has none of the layouts.
    """
    root, layout = find_layout(Path(root).expanduser())
    good_folder, bad_folder, test_folder = (root / part for part in LAYOUTS[layout])
    good, bad = _files(good_folder), _files(bad_folder)
    mended = _boxes(root, Path(boxes) if boxes else None, good + bad, fill_missing_boxes)
    table, notes = _table(good, bad, mended.table)
    found = set(table["label"]) - {GOOD, DEFECT}
    classes = (GOOD, *(name for name in DEFECTS if name in found), *sorted(found - set(DEFECTS)), DEFECT)
    classes = tuple(name for name in classes if name == GOOD or (table["label"] == name).any())
    return ImageDataset(
        name="nexperia",
        table=table,
        classes=classes,
        positive=tuple(name for name in classes if name != GOOD) or (DEFECT,),
        notes=(f"{layout} layout in {root}", mended.describe(), *notes),
        unlabelled=tuple(_files(test_folder)),
    )


def find_layout(root: Path) -> tuple[Path, str]:
    """Return the folder that holds `train`, and which layout it has."""
    if not root.is_dir():
        raise InputError(f"{root}: no such directory; give the folder that holds train/ and test/ (--root)")
    folder = root
    for _ in range(4):
        for name, (good, bad, _test) in LAYOUTS.items():
            if (folder / good).is_dir() and (folder / bad).is_dir():
                return folder, name
        inside = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        if len(inside) != 1:
            break
        folder = inside[0]
    layouts = "; ".join(f"{good} and {bad}" for good, bad, _ in LAYOUTS.values())
    raise InputError(f"{root}: none of Nexperia's layouts; expected the folders {layouts}")


def lot_of(stem: str) -> str:
    """Return the lot that a file name begins with: what stands before the first underscore."""
    return stem.split("_", 1)[0]


def _files(folder: Path) -> list[str]:
    # os.scandir and plain strings: at 40,000 files Path objects alone would take seconds.
    found = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        found += [
            os.path.join(parent, name)  # noqa: PTH118
            for name in sorted(names)
            if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith(".")  # noqa: PTH122
        ]
    return found


def _boxes(root: Path, given: Path | None, images: list[str], fill: bool) -> Boxes:
    if given is not None and not given.is_file():
        raise InputError(f"{given}: no such file of boxes")
    nearby = sorted([*root.glob("*.csv"), *root.glob("train/*.csv"), *root.glob("train/*/*.csv")])
    paths = [given] if given is not None else [path for path in nearby if is_box_file(path)]
    width, height = _image_size(images)
    return mend_boxes(read_boxes(paths), width=width, height=height, fill_missing=fill)


def _image_size(images: list[str]) -> tuple[int, int]:
    for path in images[:20]:
        try:
            with Image.open(path) as image:
                return image.size
        except OSError:
            continue
    return WIDTH, HEIGHT


def _table(good: list[str], bad: list[str], boxes: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    table = pd.DataFrame({"path": good + bad, "bad": [False] * len(good) + [True] * len(bad)})
    names = table["path"].str.rsplit("/", n=2)
    table["image_id"] = names.str[-1].str.rsplit(".", n=1).str[0]
    folder = names.str[-2].map(class_name)
    table["folder_class"] = folder.where(table["bad"] & folder.isin(DEFECTS), "")
    notes = []
    both = table.groupby("image_id")["bad"].transform("nunique") > 1
    if both.any():
        first = table.loc[both, "image_id"].iloc[0]
        notes.append(
            f"{both.sum() // 2} images are among good and defective (first {first}); taken as defective"
        )
        table = table[~(both & ~table["bad"])]
    doubled = table["image_id"].duplicated()
    if doubled.any():
        notes.append(f"{doubled.sum()} images of several defect classes occur once")
    classes = pd.concat(
        [
            table.loc[table["folder_class"] != "", ["image_id", "folder_class"]].set_axis(
                ["image_id", "name"], axis=1
            ),
            boxes.loc[boxes["defect_class"] != "", ["image_id", "defect_class"]].set_axis(
                ["image_id", "name"], axis=1
            ),
        ]
    ).drop_duplicates()
    listed = classes.groupby("image_id")["name"].agg(lambda names: "|".join(sorted(names, key=_rank)))
    table = table[~doubled].drop(columns="folder_class")
    table["defects"] = table["image_id"].map(listed).astype("str").fillna("").where(table["bad"], "")
    named = table["defects"].str.split("|").str[0]
    table["label"] = np.where(~table["bad"], GOOD, named.where(named != "", DEFECT))
    table["group"] = table["image_id"].str.split("_", n=1).str[0]
    areas = (boxes["x2"] - boxes["x1"]) * (boxes["y2"] - boxes["y1"])
    largest = boxes.assign(area=areas).sort_values("area", ascending=False, kind="stable")
    largest = largest.drop_duplicates("image_id").set_index("image_id")
    for corner in CORNERS:
        table[corner] = table["image_id"].map(largest[corner]).astype(float)
    strangers = (~boxes["image_id"].isin(table["image_id"])).sum()
    if strangers:
        notes.append(f"{strangers} boxes belong to no image here")
    columns = ["image_id", "path", "label", "defects", "group", *CORNERS]
    return table[columns].reset_index(drop=True), notes


def _rank(name: str) -> tuple[int, str]:
    return (DEFECTS.index(name) if name in DEFECTS else len(DEFECTS)), name


def write_example(directory: Path, seed: int) -> dict[str, Any]:
    """Write 60 generated photographs in the second contest's layout."""
    from features.chips.writer import write_chips

    write_chips(directory, n=60, seed=seed, layout="second", workers=1)
    return {"root": str(directory)}


SPEC = DatasetSpec(
    name="nexperia",
    load=load,
    summary="chips in tape pockets, 275 x 267 grey, both contests' files, defect boxes (private)",
    write_example=write_example,
    options=NexperiaOptions,
)

"""Nexperia's photographs of chips in their tape pockets, as both contests' files lie on disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from features.chips.statistics import DEFECTS, HEIGHT, WIDTH
from features.datasets.base import DatasetSpec, ImageDataset
from features.datasets.boxes import (
    CORNERS,
    SEPARATOR,
    Boxes,
    class_name,
    is_box_file,
    mend_boxes,
    read_boxes,
)
from features.datasets.options import BitDepth, Exclude, Include, Options
from features.errors import InputError, UnreadableImage
from features.files import content_hash
from features.pixels.images import read_bytes
from features.pixels.listing import (
    NO_IMAGE_NAME,
    image_ids,
    is_hidden,
    is_image_name,
    left_out_note,
    list_files,
    nfc,
    none_left,
    select,
    several,
)

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
    include: Include = None
    exclude: Exclude = None
    bit_depth: BitDepth = None


def load(
    root: str | Path,
    boxes: str | Path | None = None,
    fill_missing_boxes: bool = False,
    include: tuple[str, ...] | None = None,
    exclude: tuple[str, ...] | None = None,
    bit_depth: int | None = None,
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
    include, exclude : tuple of str, optional
        Glob patterns of files to take and to leave out, unlabelled images included; paths begin with
        `train/` or `test/`. See `features.pixels.listing.select`.
    bit_depth : int, optional
        How many bits the values of 16-bit files use, where fewer than 16; see
        `features.pixels.images.read_image`.

    Returns
    -------
    ImageDataset
        `label` is the defect class where a box file or a subfolder names it, else `defect`; `defects`
        lists all classes of an image that has several, which is one row all the same. `x1, y1, x2, y2` is
        the largest box of that class, or of any class where none has a box; `boxes` lists all boxes.
        `group` is the lot. The unlabelled images are in `unlabelled`.

    Raises
    ------
    InputError
        When the folder has none of the layouts, or the patterns leave no labelled image.
    """
    root, layout = find_layout(Path(root).expanduser())
    good_folder, bad_folder, test_folder = (root / part for part in LAYOUTS[layout])
    (good, good_problems), (bad, bad_problems), (test, test_problems) = map(
        _files, (good_folder, bad_folder, test_folder)
    )
    labelled, left = [*good, *bad], []
    if include or exclude:
        (good, left_good), (bad, left_bad), (test, left_test) = (
            _selected(root, paths, several(include), several(exclude)) for paths in (good, bad, test)
        )
        left = [*left_good, *left_bad, *left_test]
        if labelled and not good and not bad:
            raise none_left(str(root), [Path(path).relative_to(root).as_posix() for path in labelled])
    mended = _boxes(root, Path(boxes) if boxes else None, good + bad, fill_missing_boxes)
    table, notes = _table(root, (str(good_folder), str(bad_folder)), good, bad, mended.table)
    found = set(table["label"]) - {GOOD, DEFECT}
    classes = (GOOD, *(name for name in DEFECTS if name in found), *sorted(found - set(DEFECTS)), DEFECT)
    classes = tuple(name for name in classes if name == GOOD or (table["label"] == name).any())
    if left:
        notes.append(left_out_note(left))
    strangers = _strangers(root, layout)
    if strangers:
        notes.append(f"folders that the layout does not have are left out: {', '.join(strangers)}")
    return ImageDataset(
        name="nexperia",
        table=table,
        classes=classes,
        positive=tuple(name for name in classes if name != GOOD) or (DEFECT,),
        notes=(f"{layout} layout in {root}", mended.describe(), *notes),
        problems=(*good_problems, *bad_problems, *test_problems),
        unlabelled=tuple(test),
        bit_depth=bit_depth,
    )


def is_nexperia(root: Path) -> bool:
    """Return whether a folder has one of the layouts, and no folders besides that it does not know."""
    try:
        folder, layout = find_layout(root)
    except InputError:
        return False
    return not _strangers(folder, layout)


def find_layout(root: Path) -> tuple[Path, str]:
    """Return the folder that holds `train`, and which layout it has."""
    if not root.is_dir():
        raise InputError(f"{root}: no such directory; give the folder that holds train/ and test/ (--root)")
    folder = root
    for _ in range(4):
        for name, (good, bad, _test) in LAYOUTS.items():
            if (folder / good).is_dir() and (folder / bad).is_dir():
                return folder, name
        inside = _visible_folders(folder)
        if len(inside) != 1:
            break
        folder = folder / inside[0]
    layouts = "; ".join(f"{good} and {bad}" for good, bad, _ in LAYOUTS.values())
    raise InputError(f"{root}: none of Nexperia's layouts; expected the folders {layouts}")


def lot_of(stem: str) -> str:
    """Return the lot that a file name begins with: what stands before the first underscore."""
    return stem.split("_", 1)[0]


def _visible_folders(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir() if each.is_dir() and not is_hidden(each.name))
    except OSError:
        return []


def _strangers(root: Path, layout: str) -> list[str]:
    """Return folders that a layout does not have: further classes or splits, or classes of the test split.

    Only the rearranged layout's names are so common that other data sets use them.
    """
    if layout != "rearranged":
        return []
    found = [name for name in _visible_folders(root) if name not in ("train", "test")]
    found += [f"train/{name}" for name in _visible_folders(root / "train") if name not in ("good", "defect")]
    classes = {"good", "defect", "bad", "ok", "ng"}
    return found + [f"test/{name}" for name in _visible_folders(root / "test") if name.lower() in classes]


def _files(folder: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the images below a folder, those of each folder before its subfolders', and what is unread."""
    if not folder.is_dir():
        return [], []
    files = list_files(folder)
    images = sorted(files.images, key=_files_first)
    return [files.full(path) for path in images], [
        (files.full(path), reason)
        for path, reason in (*((other, NO_IMAGE_NAME) for other in files.others), *files.problems)
        if reason != NO_IMAGE_NAME or not path.lower().endswith((".csv", ".txt", ".md", ".json", ".xml"))
    ]


def _selected(
    root: Path, paths: list[str], include: Sequence[str] | None, exclude: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Return the paths that glob patterns keep, and those that they leave out, the latter below `root`."""
    below = {Path(path).relative_to(root).as_posix(): path for path in paths}
    kept, left = select(below, include, exclude)
    return [below[name] for name in kept], left


def _files_first(path: str) -> list[tuple[int, str]]:
    *folders, name = path.split("/")
    return [*((1, folder) for folder in folders), (0, name)]


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


def _table(
    root: Path, homes: tuple[str, str], good: list[str], bad: list[str], boxes: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    table = pd.DataFrame({"path": good + bad, "bad": [False] * len(good) + [True] * len(bad)})
    names = table["path"].str.rsplit("/", n=2)
    stem = names.str[-1].str.rsplit(".", n=1).str[0].map(nfc)
    table["group"] = stem.str.split("_", n=1).str[0]
    folder = names.str[-2].map(class_name)
    table["folder_class"] = folder.where(table["bad"] & folder.isin(DEFECTS), "")
    table["image_id"] = _tell_apart(table, stem, homes, root)
    notes = []
    both = table.groupby("image_id")["bad"].transform("nunique") > 1
    if both.any():
        first = table.loc[both, "image_id"].iloc[0]
        count = table.loc[both, "image_id"].nunique()
        notes.append(f"{count} images are among good and defective (first {first}); taken as defective")
        table = table[~(both & ~table["bad"])]
    doubled = table["image_id"].duplicated()
    if doubled.any():
        notes.append(f"{doubled.sum()} images of several defect classes occur once")
    boxes, ambiguous = _assigned(boxes, table, stem)
    if ambiguous:
        notes.append(f"{ambiguous} boxes fit several images of one name and are left out; add the folder")
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
    _add_boxes(table, boxes)
    strangers = (~boxes["image_id"].isin(table["image_id"])).sum()
    if strangers:
        notes.append(f"{strangers} boxes belong to no image here")
    columns = ["image_id", "path", "label", "defects", "group", *CORNERS, "boxes"]
    return table[columns].reset_index(drop=True), notes


def _add_boxes(table: pd.DataFrame, boxes: pd.DataFrame) -> None:
    """Add the largest box of each image's own class, or of any class, and the list of all its boxes."""
    own = boxes["defect_class"] == boxes["image_id"].map(table.set_index("image_id")["label"])
    areas = (boxes["x2"] - boxes["x1"]) * (boxes["y2"] - boxes["y1"])
    ordered = boxes.assign(own=own, area=areas).sort_values(["own", "area"], ascending=False, kind="stable")
    first = ordered.drop_duplicates("image_id").set_index("image_id")
    for corner in CORNERS:
        table[corner] = table["image_id"].map(first[corner]).astype(float)
    # A box often stands in a file with its class and in one without.
    usable = ordered.dropna(subset=CORNERS).drop_duplicates(["image_id", *CORNERS])
    words = [" ".join(f"{value:g}" for value in box) for box in usable[CORNERS].to_numpy(float)]
    listed = (
        pd.Series(words, index=usable.index, dtype=object).groupby(usable["image_id"]).agg(SEPARATOR.join)
    )
    table["boxes"] = table["image_id"].map(listed).astype("str").fillna("")


def _tell_apart(table: pd.DataFrame, stem: pd.Series, homes: tuple[str, str], root: Path) -> pd.Series:
    """Return the id of each image: its stem; its path where other images have that stem too.

    Files of one name and equal content are one image, which several classes or both sides list. The group
    of an image whose stem is not unique is its lot's folder, where it lies in one.
    """
    ids = stem.astype(object)
    for _, rows in table[stem.duplicated(keep=False)].groupby(stem):
        contents = [_content(path) for path in rows["path"]]
        if len(set(contents)) == 1:
            continue
        names = image_ids([str(Path(path).relative_to(root)) for path in rows["path"]])
        first_of: dict[str, str] = {}
        for row, content, name in zip(rows.index, contents, names, strict=True):
            ids[row] = first_of.setdefault(content, name)
        for row, path, bad, group in zip(rows.index, rows["path"], rows["bad"], rows["group"], strict=True):
            lot = Path(path).parent.relative_to(homes[int(bad)]).as_posix()
            if lot != "." and class_name(lot) not in DEFECTS:
                table.loc[row, "group"] = f"{nfc(lot)}/{group}" if "_" in stem[row] else nfc(lot)
    return ids


def _content(path: str) -> str:
    try:
        return content_hash(read_bytes(path))
    except UnreadableImage:
        return path


def _assigned(boxes: pd.DataFrame, table: pd.DataFrame, stem: pd.Series) -> tuple[pd.DataFrame, int]:
    """Return the boxes with the ids of their images, and how many fit several images."""
    shared = table[table["image_id"] != stem[table.index]]
    if shared.empty or boxes.empty:
        return boxes, 0
    choices = shared.assign(stem=stem[shared.index]).groupby("stem")
    ids, ambiguous = boxes["image_id"].astype(object).copy(), []
    shared_boxes = boxes[boxes["image_id"].isin(list(choices.groups))]
    for row, name, file in zip(
        shared_boxes.index, shared_boxes["image_id"], shared_boxes["file"], strict=True
    ):
        candidates = choices.get_group(name)
        below = [f"/{_bare(each)}".endswith(f"/{file}") for each in candidates["image_id"]]
        fits = candidates["bad"] & (pd.Series(below, index=candidates.index) | (not any(below)))
        fitting = list(candidates.loc[fits, "image_id"].unique())
        if len(fitting) == 1:
            ids[row] = fitting[0]
        else:
            ambiguous.append(row)
    return boxes.assign(image_id=ids).drop(index=ambiguous), len(ambiguous)


def _bare(name: str) -> str:
    return name.rpartition(".")[0] if is_image_name(name) else name


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

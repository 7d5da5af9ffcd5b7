"""Any folder of images with one subfolder per class."""

import unicodedata
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from features.datasets.base import DatasetSpec, ImageDataset
from features.datasets.options import BitDepth, Exclude, Include, Options
from features.errors import InputError, UnknownPositive
from features.pixels.find import FoundImages, find_images
from features.pixels.listing import nfc, several
from features.structure.groups import describe_groups, groups_of

_DEFECT_NAMES = ("defect", "defective", "defects", "bad", "bad_1", "ng", "fail", "anomaly", "1")


class FolderOptions(Options):
    """Options of `load`."""

    root: str = Field(description="Folder with one subfolder per class.", json_schema_extra={"flag": True})
    positive: str | tuple[str, ...] | None = Field(
        default=None, description="Defective class.", json_schema_extra={"flag": True}
    )
    negative: str | tuple[str, ...] | None = Field(
        default=None,
        description="Good class; every class that is not named is defective.",
        json_schema_extra={"flag": True},
    )
    group: str | None = Field(
        default=None,
        description="Images that belong together: a regular expression with one capture, searched in the "
        "file name; `parent` for the folder of the image; or a CSV file with image_id and group.",
        json_schema_extra={"flag": True},
    )
    include: Include = None
    exclude: Exclude = None
    bit_depth: BitDepth = None


def load(
    root: str | Path,
    positive: str | tuple[str, ...] | None = None,
    negative: str | tuple[str, ...] | None = None,
    group: str | None = None,
    include: tuple[str, ...] | None = None,
    exclude: tuple[str, ...] | None = None,
    bit_depth: int | None = None,
) -> ImageDataset:
    """Read a folder with one subfolder per class.

    Parameters
    ----------
    root : str or Path
        The folder. Each visible subfolder is a class and may hold folders of its own.
    positive, negative : str or tuple of str, optional
        The defective classes, or the good ones: a tuple of names as they are, or a str of one name or of
        several with commas. When neither is given, a subfolder with a usual name (defect, bad, ng, ...) is
        the defective class.
    group : str, optional
        What names the group of an image, see `features.structure.groups.groups_of`. A group split keeps
        the images of one group together.

    include, exclude : tuple of str, optional
        Glob patterns of files to take and to leave out; see `features.pixels.listing.select`.
    bit_depth : int, optional
        How many bits the values of 16-bit files use, where fewer than 16; see
        `features.pixels.images.read_image`.

    Returns
    -------
    ImageDataset
        `image_id` is the path below `root`, without the suffix where that stays unique. Masks are not
        among the images; where there are any, the column `mask` holds the path of an image's mask, None
        where it has none.

    Raises
    ------
    InputError
        When the folder is missing, holds no class or no image, or `positive` is not one of them.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise InputError(f"{root}: no such directory; give one with a subfolder per class (--root)")
    found = find_images(root, include=several(include), exclude=several(exclude))
    if not found.folders:
        raise InputError(f"{root}: no subfolders; put the images of each class into its own")
    inside = [row for row, path in enumerate(found.relative) if "/" in path]
    if not inside:
        raise InputError(f"{root}: no PNG, JPEG, BMP or TIFF file in its subfolders")
    names = [found.relative[row] for row in inside]
    table = pd.DataFrame(
        {
            "image_id": [found.ids[row] for row in inside],
            "path": [str(root / name) for name in names],
            "label": [nfc(name.split("/", 1)[0]) for name in names],
        }
    )
    masks = [found.masks[row] for row in inside]
    if any(masks):
        table["mask"] = pd.Series(masks, index=table.index, dtype=object)
    notes = list(found.notes)
    if len(inside) < len(found.relative):
        outside = [path for path in found.relative if "/" not in path]
        notes.append(f"{len(outside)} images lie in no folder of a class and are left out ({outside[0]})")
    if group is not None:
        groups = groups_of(names, group, root)
        table["group"] = pd.Series(groups, index=table.index, dtype=object)
        notes.append(describe_groups(groups, group))
    classes = _classes(found, set(table["label"]))
    # Files beside the folders of classes, such as a table of labels, are no one's images.
    others = [each for each in found.others if "/" in each[0]]
    return ImageDataset(
        name="folder",
        table=table,
        classes=tuple(classes),
        positive=choose_positive(classes, positive, root, negative),
        problems=tuple((str(root / path), reason) for path, reason in (*others, *found.problems)),
        notes=tuple(notes),
        bit_depth=bit_depth,
    )


def _classes(found: FoundImages, labels: set[str]) -> list[str]:
    """Return the folders that are classes: those with photographs, and those that are merely empty."""
    unread = {path for path, _ in found.problems}
    masked = {path.split("/", 1)[0] for path in found.left_out}
    empty = {nfc(name) for name in found.folders if name not in unread | masked}
    return sorted(labels | empty)


def choose_positive(
    classes: list[str],
    positive: str | Sequence[str] | None,
    root: Path,
    negative: str | Sequence[str] | None = None,
) -> tuple[str, ...]:
    """Return the defective classes: those named, those not named good, else the ones with a usual name.

    Parameters
    ----------
    classes : list of str
        Every class, as its folder is called.
    positive, negative : str or sequence of str, optional
        The defective or the good classes. A sequence holds names as they are. A str is one name where a
        class is called so, else names separated by commas. Unicode forms of one name (NFC, NFD) match.
    root : Path
        The folder, for messages.

    Raises
    ------
    UnknownPositive
        For a name that no class has, a class that is named twice or left out, and when nothing is named
        and no class has a usual name.
    """
    defective, good = _classes_named(positive, classes, root), _classes_named(negative, classes, root)
    both = [name for name in defective if name in good]
    neither = [name for name in classes if name not in (*defective, *good)]
    if both:
        raise UnknownPositive(
            f"{root}: class {both[0]!r} is named by both --positive and --negative", tuple(classes)
        )
    if defective and good and neither:
        raise UnknownPositive(
            f"{root}: class {neither[0]!r} is named by neither --positive nor --negative; name it, or give "
            "only one of the two",
            tuple(classes),
        )
    if good and not neither and not defective:
        raise UnknownPositive(
            f"{root}: --negative names every class; none is left as defective", tuple(classes)
        )
    if defective:
        return tuple(dict.fromkeys(defective))
    if good:
        return tuple(neither)
    usual = tuple(name for name in classes if name.strip().lower() in _DEFECT_NAMES)
    if not usual:
        raise UnknownPositive(
            f"{root}: which class is defective? Name it with --positive, or the good ones with --negative, "
            f"out of: {', '.join(classes)}",
            tuple(classes),
        )
    return usual


def _classes_named(names: str | Sequence[str] | None, classes: list[str], root: Path) -> list[str]:
    """Return the classes that `names` names."""
    if not names:
        return []
    if isinstance(names, str):
        whole = _find_class(names, classes)
        names = [names] if whole is not None or "," not in names else names.split(",")
        names = [name for name in names if name.strip()]
    found = {name: _find_class(name, classes) for name in names}
    unknown = [name for name, match in found.items() if match is None]
    if unknown:
        several = "; repeat the option to name several classes" if "," in unknown[0] else ""
        raise UnknownPositive(
            f"{root}: no class {unknown[0]!r}; there are: {', '.join(classes)}{several}", tuple(classes)
        )
    return [match for match in found.values() if match is not None]


def _find_class(name: str, classes: list[str]) -> str | None:
    """Return the class of this name: as it is, else in another Unicode form or without outer spaces."""
    alike = (lambda text: text, partial(unicodedata.normalize, "NFC"), _plain)
    for form in alike:
        for each in classes:
            if form(each) == form(name):
                return each
    return None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def write_example(directory: Path, seed: int) -> dict[str, Any]:
    """Write 40 grey squares, half of them with a bright spot, as PNG, JPEG, BMP and TIFF files."""
    rng = np.random.default_rng(seed)
    for index in range(40):
        pixels = rng.normal(90, 12, (48, 48))
        if index % 2:
            y, x = rng.integers(4, 36, 2)
            pixels[y : y + 8, x : x + 8] += 110
        name = ("good", "scratch")[index % 2]
        suffix = (".png", ".jpg", ".bmp", ".tif")[index // 2 % 4]
        path = directory / name / f"part_{index:03d}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return {"root": str(directory), "positive": "scratch"}


SPEC = DatasetSpec(
    name="folder",
    load=load,
    summary="any directory with one subfolder per class (PNG, JPEG, BMP, TIFF; 8 or 16 bit)",
    write_example=write_example,
    options=FolderOptions,
)

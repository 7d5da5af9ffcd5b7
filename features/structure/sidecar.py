"""A CSV file that names the group of each image."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from features.errors import InputError
from features.tables import read_table

_IMAGE_COLUMNS = ("image_id", "path", "image", "file", "filename")


def read_groups(names: Sequence[str], path: Path, root: Path) -> list[str | None]:
    """Return the group that a CSV file gives each image, None where it gives none.

    Parameters
    ----------
    names : sequence of str
        Path of each image below `root`, with `/`.
    path : Path
        The file. Its columns are `image_id` or `path` (below `root`, with or without suffix; or the file
        name alone, where that is unique) and `group`.
    root : Path
        The dataset's folder.

    Raises
    ------
    InputError
        When the file is missing or not a table with these columns, names no image of the dataset, or names
        one image with two groups.
    """
    frame = _read(path)
    column = next((name for name in _IMAGE_COLUMNS if name in frame), None)
    if column is None or "group" not in frame:
        raise InputError(
            f"{path}: needs the columns image_id (or path) and group; it has {', '.join(map(str, frame))}"
        )
    rows = _rows_of(names, root)
    found: list[str | None] = [None] * len(names)
    for image, group in zip(frame[column], frame["group"], strict=True):
        row = rows.get(_plain(image))
        if row is None or not group.strip():
            continue
        if found[row] not in (None, group.strip()):
            raise InputError(f"{path}: image {image} has two groups, {found[row]!r} and {group.strip()!r}")
        found[row] = group.strip()
    if not any(found):
        first = f", for example {frame[column].iloc[0]!r}" if len(frame) else ""
        raise InputError(
            f"{path}: gives no image of this dataset a group{first}; images are called as {names[0]}"
        )
    return found


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: no such CSV file of groups (--group)")
    try:
        frame = read_table(path)
    except InputError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise InputError(f"{path}: not a CSV file of groups ({reason})") from None
    return frame.rename(columns=lambda name: str(name).strip().lower())


def _rows_of(names: Sequence[str], root: Path) -> dict[str, int]:
    """Return the row of everything an image may be called; what two images are called is left out."""
    rows: dict[str, int] = {}
    for make in (_file_stem, _file_name, _without_suffix, str, lambda name: _plain(str(root / name))):
        keys = [make(name) for name in names]
        single = pd.Series(keys).duplicated(keep=False).to_numpy()
        # Later forms are more exact, and win.
        rows.update({key: row for row, key in enumerate(keys) if not single[row]})
    return rows


def _plain(image: str) -> str:
    return image.strip().replace("\\", "/").removeprefix("./")


def _file_stem(name: str) -> str:
    return PurePosixPath(name).stem


def _file_name(name: str) -> str:
    return PurePosixPath(name).name


def _without_suffix(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()

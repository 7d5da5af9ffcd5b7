"""Labels corrected by hand, from a CSV file."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from features.datasets.base import ImageDataset
from features.errors import InputError

COLUMNS = ("new_label", "label")


def relabel(dataset: ImageDataset, path: str | Path) -> ImageDataset:
    """Return the dataset with the labels that a file gives some of its images.

    Parameters
    ----------
    dataset : ImageDataset
    path : str or Path
        CSV with the columns `image_id` and `new_label` (or `label`); rows without a label are left out,
        so an audit's table with a few cells filled in will do. A label is one of the dataset's classes;
        `good` and `defect` also stand for its first good class and its first defective one.

    Raises
    ------
    InputError
        For a missing file, missing columns, an unknown image or an unknown label.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f"{path}: no such file of corrected labels (--relabel)")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    column = next((name for name in COLUMNS if name in frame), None)
    if "image_id" not in frame or column is None:
        raise InputError(
            f"{path}: needs the columns image_id and new_label; it has {', '.join(map(str, frame))}"
        )
    given = frame[frame[column] != ""].set_index("image_id")[column]
    unknown = sorted(set(given.index) - set(dataset.table["image_id"]))
    if unknown:
        raise InputError(f"{path}: no image {unknown[0]!r} in dataset {dataset.name}")
    doubled = given.index[given.index.duplicated()]
    if len(doubled):
        raise InputError(f"{path}: image {doubled[0]!r} occurs twice; keep one of its rows")
    good = [name for name in dataset.classes if name not in dataset.positive]
    short = {"good": good[0] if good else "", "defect": dataset.positive[0]}
    meant = given.map(lambda label: label if label in dataset.classes else short.get(label, label))
    foreign = sorted(set(meant) - set(dataset.classes))
    if foreign:
        raise InputError(f"{path}: no class {foreign[0]!r}; there are: {', '.join(dataset.classes)}")
    table = dataset.table.copy()
    new = table["image_id"].map(meant)
    changed = int((new.notna() & (new != table["label"])).sum())
    table["label"] = new.where(new.notna(), table["label"])
    return replace(dataset, table=table, notes=(*dataset.notes, f"{changed} labels corrected by {path}"))

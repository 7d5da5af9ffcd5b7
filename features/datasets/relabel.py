"""Labels corrected by hand, from a CSV file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from features.datasets.base import ImageDataset
from features.errors import InputError
from features.pixels.listing import nfc
from features.tables import read_table

COLUMNS = ("new_label", "label")
TEST = "test"


def read_corrections(dataset: ImageDataset, path: str | Path) -> pd.Series:
    """Return the labels that a file gives some of a dataset's images.

    Parameters
    ----------
    dataset : ImageDataset
    path : str or Path
        See `relabel`.

    Returns
    -------
    Series of str
        Class by `image_id`; images without a new label are left out.

    Raises
    ------
    InputError
        As `relabel`.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f"{path}: no such file of corrected labels (--relabel)")
    frame = read_table(path)
    column = next((name for name in COLUMNS if name in frame), None)
    if "image_id" not in frame or column is None:
        raise InputError(
            f"{path}: needs the columns image_id and new_label; it has {', '.join(map(str, frame))}"
        )
    given = frame[frame[column].str.strip() != ""]
    ids = _matched(given["image_id"], dataset.table["image_id"])
    if ids.isna().any():
        raise InputError(
            f"{path}: no image {given['image_id'][ids.isna()].iloc[0]!r} in dataset {dataset.name}"
        )
    doubled = ids[ids.duplicated()]
    if len(doubled):
        raise InputError(f"{path}: image {doubled.iloc[0]!r} occurs twice; keep one of its rows")
    good = [name for name in dataset.classes if name not in dataset.positive]
    short = {"good": good[0] if good else None, "defect": dataset.positive[0]}
    labels = given[column]
    classes = _matched(labels, pd.Series(dataset.classes))
    classes = classes.where(classes.notna(), labels.str.strip().map(short))
    if classes.isna().any():
        foreign = labels[classes.isna()].min()
        raise InputError(f"{path}: no class {foreign!r}; there are: {', '.join(dataset.classes)}")
    return pd.Series(classes.to_numpy(), index=pd.Index(ids.to_numpy(), name="image_id"), dtype=object)


def relabel(
    dataset: ImageDataset,
    path: str | Path,
    split: Sequence[str] | pd.Series | None = None,
    *,
    test_labels: bool = False,
) -> ImageDataset:
    """Return the dataset with the labels that a file gives some of its images.

    Parameters
    ----------
    dataset : ImageDataset
    path : str or Path
        CSV with the columns `image_id` and `new_label` (or `label`); rows without a label are left out,
        so an audit's table with a few cells filled in will do. A label is one of the dataset's classes;
        `good` and `defect` also stand for its first good class and its first defective one. Names match
        in any Unicode form and without outer spaces.
    split : sequence of str, optional
        The split of each row of the dataset's table, made of the labels from before: labels of images in
        `test` then stay as they are. Without it, every label is corrected.
    test_labels : bool
        Whether to correct the labels of test images too. Figures are then measured on labels that were
        chosen by hand, often by looking at what a model got wrong.

    Returns
    -------
    ImageDataset
        Its notes say how many labels were corrected, and how many of test images were not.

    Raises
    ------
    InputError
        For a missing file, missing columns, an unknown image or an unknown label.
    """
    new = dataset.table["image_id"].map(read_corrections(dataset, path))
    corrected = (new.notna() & (new != dataset.table["label"])).to_numpy()
    notes = []
    if split is not None and not test_labels:
        if len(split) != len(dataset.table):
            raise ValueError(f"split has {len(split)} rows, the dataset {len(dataset.table)}")
        kept = corrected & (pd.Series(list(split)) == TEST).to_numpy()
        corrected = corrected & ~kept
        if kept.any():
            notes = [f"{int(kept.sum())} corrections of {Path(path)} are of test images and were not applied"]
    table = dataset.table.copy()
    table["label"] = table["label"].where(~corrected, new)
    notes.insert(0, f"{int(corrected.sum())} labels corrected by {Path(path).expanduser()}")
    return replace(dataset, table=table, notes=(*dataset.notes, *notes))


def _matched(names: pd.Series, known: pd.Series) -> pd.Series:
    """Return for each name the known one: the same, else in another Unicode form or without outer spaces."""
    exact = dict(zip(known, known, strict=True))
    alike: dict[str, str | None] = {}
    for name in known:
        form = nfc(name).strip()
        alike[form] = None if form in alike else name  # two names of one form: neither is meant
    found = [exact.get(name, alike.get(nfc(name).strip())) for name in names]
    return pd.Series(found, index=names.index, dtype=object)

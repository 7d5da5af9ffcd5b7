"""What every dataset is: one table of images, a class list, and which classes are defects."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.datasets.options import Options
from features.errors import InputError, UnknownPositive

REQUIRED_COLUMNS = ("image_id", "path", "label")
#: What a split by groups is called where the dataset guesses its groups.
APPROXIMATE = "approximate groups"


@dataclass(frozen=True)
class ImageDataset:
    """Images with their labels.

    Parameters
    ----------
    name : str
        The dataset's name in the registry.
    table : DataFrame
        One row per image. Required columns: `image_id` (unique str), `path` (str) and `label` (str,
        one of `classes`). Optional ones: `split` (train, valid or test, where the owner fixed it),
        `group` (str: images that must not be parted, such as the cells of one module), `weight`
        (float sample weight), `x1, y1, x2, y2` (defect box in pixels) and `mask` (path of a binary image
        of the defect, or None). Others are kept as they are.
    classes : tuple of str
        Every class, in the order of its code.
    positive : tuple of str
        The classes that are defects; the others are good.
    symmetric : bool
        Whether an image turned by a quarter or mirrored is as good as the original; markings and
        polarity forbid it.
    credit : str
        Source and licence of the images, shown wherever they are used.
    problems : tuple of (str, str)
        Files left out, each with its reason.
    notes : tuple of str
        Lines that tell the user what was found and mended.
    unlabelled : tuple of str
        Images without a label, for `defectbench predict`; not in the table.
    bit_depth : int, optional
        How many bits the values of 16-bit files use, where the user says so.
    """

    name: str
    table: pd.DataFrame
    classes: tuple[str, ...]
    positive: tuple[str, ...]
    symmetric: bool = False
    credit: str = ""
    problems: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    bit_depth: int | None = None

    def __post_init__(self) -> None:
        missing = [column for column in REQUIRED_COLUMNS if column not in self.table]
        if missing:
            raise InputError(f"dataset {self.name}: the table lacks the columns {missing}")
        if self.table.empty:
            raise InputError(f"dataset {self.name}: no images; check the folder given with --root")
        doubled = self.table["image_id"][self.table["image_id"].duplicated()]
        if len(doubled):
            raise InputError(f"dataset {self.name}: image_id {doubled.iloc[0]!r} occurs twice")
        unknown = sorted(set(self.table["label"]) - set(self.classes))
        if unknown:
            raise InputError(f"dataset {self.name}: labels {unknown} are not in {self.classes}")
        if not self.positive or not set(self.positive) <= set(self.classes):
            unknown = [name for name in self.positive if name not in self.classes]
            raise UnknownPositive(
                f"dataset {self.name}: no class {', '.join(map(repr, unknown)) or '(none)'}; name the "
                f"defective one with --positive, out of: {', '.join(self.classes)}",
                self.classes,
            )

    @property
    def y(self) -> np.ndarray:
        """int8 array of shape (n_images,): 1 where the image shows a defect, 0 where it is good."""
        return self.table["label"].isin(self.positive).to_numpy(np.int8)

    def without(self, bad: pd.DataFrame) -> "ImageDataset":
        """Return the dataset without the files in `bad` (columns `path` and `problem`)."""
        kept = self.table[~self.table["path"].isin(set(bad["path"]))].reset_index(drop=True)
        named = tuple(zip(bad["path"], bad["problem"], strict=True))
        return replace(self, table=kept, problems=(*self.problems, *named))

    def check_learnable(self, at_least: int) -> None:
        """Raise `InputError` unless both good and defective images number `at_least` or more."""
        n_defects = int(self.y.sum())
        for kind, count in (("good", len(self.table) - n_defects), ("defective", n_defects)):
            if count == 0:
                raise InputError(
                    f"dataset {self.name}: one class only, no {kind} image among "
                    f"{len(self.table)}; the classes are {', '.join(self.classes)}, "
                    f"defective: {', '.join(self.positive)} (--positive)"
                )
            if count < at_least:
                raise InputError(
                    f"dataset {self.name}: {count} {kind} images are too few for three splits and "
                    f"cross-validation folds; at least {at_least} are needed: add images or lower --folds"
                )


@dataclass(frozen=True)
class DatasetSpec:
    """One entry of the registry.

    Parameters
    ----------
    name : str
        What the user types after `--dataset`.
    load : callable
        Takes every field of `options` as a keyword, returns an `ImageDataset`.
    summary : str
        One line for `defectbench datasets`.
    write_example : callable
        `write_example(directory, seed)` writes a small example of the dataset's files and returns
        the options that load it; the registry-wide tests and the docs use it.
    options : type
        A subclass of `features.datasets.options.Options`: one field for each keyword of `load`. The
        configuration, the command line and `defectbench datasets` are built from it.
    guessed_groups : str
        For a dataset that guesses its groups: how, for the user to read. Empty: the groups are known, or
        there are none.
    """

    name: str
    load: Callable[..., ImageDataset]
    summary: str
    write_example: Callable[[Path, int], dict[str, Any]]
    options: type[Options] = Options
    guessed_groups: str = ""

    def split_name(self, kind: str) -> str:
        """Return what the user reads for a kind of split: `APPROXIMATE` for a split by guessed groups.

        Parameters
        ----------
        kind : str
            One of `features.splits.KINDS`.
        """
        return APPROXIMATE if kind == "group" and self.guessed_groups else kind

    @property
    def groups_name(self) -> str:
        """What the user reads for the groups: `APPROXIMATE` where they are guessed."""
        return APPROXIMATE if self.guessed_groups else "groups"

"""What is wrong with a dataset's files, before anything is learnt from them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from features.datasets import depth_warning
from features.datasets.base import ImageDataset
from features.pixels.images import scan_images
from features.structure.copies import copy_sets
from features.structure.examine import Structure, examine, near_sets_table
from features.structure.fingerprints import Fingerprints

UNLABELLED = "(unlabelled)"


@dataclass(frozen=True)
class Report:
    """What a check found.

    Parameters
    ----------
    counts : DataFrame
        Images of each class, with its share, and whether it is a defect.
    sizes : DataFrame
        Images of each width, height and number of channels.
    unreadable : list of (str, str)
        Files that cannot be used, with the reason.
    leaks : list of str
        Lines that name files of equal pixels in two splits or with two labels.
    copies : list of str
        Lines that name files of equal pixels within one split and class.
    notes : list of str
        What the dataset itself reports: layout, boxes and their repairs.
    structure : list of str
        Lines on images that belong together (near copies, groups in file names), with the remedy.
    groups : DataFrame or None
        `image_id` and `group` of near copies, where nothing else names the groups; for `--group`.
    """

    counts: pd.DataFrame
    sizes: pd.DataFrame
    unreadable: list[tuple[str, str]]
    leaks: list[str]
    copies: list[str]
    notes: list[str] = field(default_factory=list)
    structure: list[str] = field(default_factory=list)
    groups: pd.DataFrame | None = None

    @property
    def sound(self) -> bool:
        """Whether nothing must be mended before a benchmark can be trusted."""
        return not self.unreadable and not self.leaks


def check_dataset(
    dataset: ImageDataset,
    progress: Callable[[int], None] | None = None,
    *,
    takes_group: bool = True,
    groups: str = "groups",
    groups_file: str = "groups.csv",
) -> Report:
    """Decode every image of a dataset and look for what spoils a benchmark.

    Parameters
    ----------
    dataset : ImageDataset
        Its unlabelled images count as a split of their own: a test image among the training images is
        a leak, labelled or not.
    progress : callable, optional
        Called with the number of files done.
    takes_group : bool
        Whether the dataset has the option `group`.
    groups : str
        What the dataset's groups are called; see `DatasetSpec.groups_name`.
    groups_file : str
        Where the caller writes `Report.groups`; the remedy names it.

    Returns
    -------
    Report
    """
    table = dataset.table[["path", "label"]].copy()
    table["split"] = dataset.table.get("split", "labelled")
    extra = pd.DataFrame({"path": list(dataset.unlabelled), "label": UNLABELLED, "split": UNLABELLED})
    table = pd.concat([table, extra], ignore_index=True)
    prints = Fingerprints(len(table))
    scan = scan_images(
        table["path"].tolist(), progress=progress, observe=prints.observe, bit_depth=dataset.bit_depth
    )
    depth = depth_warning(dataset, scan)
    table = table.merge(scan, on="path")
    table["copies"] = copy_sets(prints.pixels, table["content"].tolist())
    sound = table[table["problem"] == ""]
    leaks, copies = _same_content(sound)
    bad = table[table["problem"] != ""]
    labelled = np.flatnonzero((table["problem"] == "").to_numpy()[: len(dataset.table)])
    copies_of = table["copies"].to_numpy()[labelled]
    words = {"takes_group": takes_group, "groups": groups, "sets_file": groups_file}
    structure = _structure(dataset, prints.rows(labelled), copies_of, labelled, words)
    return Report(
        counts=_counts(table, dataset),
        sizes=sound.groupby(["width", "height", "channels"]).size().rename("images").reset_index(),
        unreadable=[*dataset.problems, *zip(bad["path"], bad["problem"], strict=True)],
        leaks=leaks,
        copies=copies,
        notes=[*dataset.notes, *([depth] if depth else [])],
        structure=list(structure.warnings),
        groups=None
        if structure.near_sets is None
        else near_sets_table(dataset.table["image_id"].iloc[labelled].tolist(), structure.near_sets),
    )


def _structure(
    dataset: ImageDataset,
    prints: Fingerprints,
    copies: np.ndarray,
    rows: np.ndarray,
    words: dict[str, Any],
) -> Structure:
    if not len(rows):
        return Structure(0.0)
    table = dataset.table.iloc[rows]
    fixed = table["split"].to_numpy(object) if "split" in table else None
    return examine(
        table.reset_index(drop=True),
        dataset.y[rows],
        prints,
        copies=copies,
        parts=fixed if fixed is not None and {"train", "test"} <= set(fixed) else None,
        **words,
    )


def _counts(table: pd.DataFrame, dataset: ImageDataset) -> pd.DataFrame:
    counts = table["label"].value_counts()
    names = [*dataset.classes, *([UNLABELLED] if UNLABELLED in counts else [])]
    return pd.DataFrame(
        {
            "class": names,
            "images": [int(counts.get(name, 0)) for name in names],
            "share": [counts.get(name, 0) / len(table) for name in names],
            "defect": [name in dataset.positive for name in names],
        }
    )


def _same_content(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    leaks, copies = [], []
    # Equal pixels in two file formats are one image too.
    doubled = table[table["copies"].duplicated(keep=False)]
    for _, group in doubled.groupby("copies", sort=False):
        files = ", ".join(group["path"])
        labels = set(group["label"]) - {UNLABELLED}
        if len(labels) > 1:
            leaks.append(f"same image, labels {' and '.join(sorted(labels))}: {files}")
        elif group["split"].nunique() > 1:
            leaks.append(f"same image in {' and '.join(sorted(set(group['split'])))}: {files}")
        else:
            copies.append(f"same image {len(group)} times in {group['label'].iloc[0]}: {files}")
    return leaks, copies

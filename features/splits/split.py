"""One train / valid / test split, made once, used by every model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.datasets.base import ImageDataset
from features.errors import InputError
from features.splits.advice import refuse
from features.splits.folds import folds_or_fewer
from features.splits.parts import SPLITS, by_good, by_official, by_stratum, by_unit, requirements
from features.splits.strata import make_strata
from features.splits.words import counted
from features.structure.copies import copies_of, count_copies, join_sets
from features.structure.suggest import describe_suggestion, suggest_group

KINDS = ("stratified", "group", "official", "good")


@dataclass(frozen=True, eq=False)
class Split:
    """Where every image of a dataset goes, and what to know about it.

    Parameters
    ----------
    parts : Series of str
        `train`, `valid` or `test` per row of the dataset's table.
    cluster : Series of str
        Images with one value belong together: the images of a group under a group split, and exact
        copies under any split. An image on its own has a value of its own.
    notes : tuple of str
        One line for each thing that the user should know, such as the number of copies.
    """

    parts: pd.Series
    cluster: pd.Series
    notes: tuple[str, ...] = ()


def make_split(
    dataset: ImageDataset,
    *,
    kind: str = "stratified",
    sizes: Sequence[float] = (0.60, 0.15, 0.25),
    folds: int = 5,
    seed: int = 0,
    copies: np.ndarray | None = None,
    good_only: bool = False,
) -> pd.Series:
    """Assign every image to train, valid or test.

    Exact copies (images of equal pixels) are kept in one split.

    Parameters
    ----------
    dataset : ImageDataset
        The images.
    kind : {"stratified", "group", "official", "good"}
        `stratified`: each class is divided in the proportions of `sizes`; classes of fewer than 8 images
        are pooled. `group`: whole groups are divided, so that no group lies in two splits (neighbouring
        cells of one solar module and parts of one lot look alike, so a split through them flatters every
        model); an image without a group is its own group. `official`: rows whose `split` the owner fixed
        keep it; the others are divided, stratified, among the splits that the owner did not fix. `good`:
        every defect goes to test and the good images are divided, for models that learn from good images.
    sizes : sequence of three floats
        Shares of train, valid and test; they add up to 1.
    folds : int
        Cross-validation folds that the train split must be able to fill.
    seed : int
        Seed of the shuffling.
    copies : ndarray of int, shape (n_images,), optional
        Equal numbers for equal images, see `features.structure.copies.copy_sets`. By default the files
        are read to find out; a file that cannot be read has no copy.
    good_only : bool
        Whether some model learns from good images only: an official split may then have no defect in train
        or in valid.

    Returns
    -------
    Series of str
        `train`, `valid` or `test` per row of `dataset.table`.

    Raises
    ------
    InputError
        When a class is too small, or the dataset has no groups or no official split. The message says
        what would work.

    Examples
    --------
    >>> from features.datasets import load_dataset
    >>> split = make_split(load_dataset("folder", root="parts", positive="scratch"))  # doctest: +SKIP
    """
    plan = plan_split(
        dataset, kind=kind, sizes=sizes, folds=folds, seed=seed, copies=copies, good_only=good_only
    )
    return plan.parts


def plan_split(
    dataset: ImageDataset,
    *,
    kind: str = "stratified",
    sizes: Sequence[float] = (0.60, 0.15, 0.25),
    folds: int = 5,
    seed: int = 0,
    copies: np.ndarray | None = None,
    good_only: bool = False,
) -> Split:
    """Assign every image to train, valid or test, and say what is worth knowing about it.

    Parameters
    ----------
    dataset, kind, sizes, folds, seed, copies, good_only
        See `make_split`.

    Returns
    -------
    Split

    Raises
    ------
    InputError
        See `make_split`.
    """
    if kind not in KINDS:
        raise InputError(f"split {kind!r}: choose one of {', '.join(KINDS)}")
    if len(sizes) != 3 or min(sizes) <= 0 or abs(sum(sizes) - 1) > 1e-6:
        raise InputError(f"split sizes {list(sizes)}: three positive shares that add up to 1")
    _check_column(dataset, kind)
    dataset.check_learnable(at_least=1)
    if copies is None:
        copies = copies_of(dataset.table["path"].tolist())
    cluster, notes = find_clusters(dataset.table, copies, kind)
    shares = np.asarray(sizes, float)
    parts = _divide(dataset, cluster, kind, shares, folds, seed)
    needed = _needed(parts, dataset.y, kind, folds, good_only)
    if _lacks(parts, dataset.y, needed):

        def works(other: str, fewer: int) -> bool:
            whole = find_clusters(dataset.table, copies, other)[0]
            found = _divide(dataset, whole, other, shares, fewer, seed)
            return not _lacks(found, dataset.y, requirements(fewer, labelled=other != "good"))

        refuse(dataset, kind, folds, parts, np.asarray(copies), needed, works)
    train = parts == "train"
    labelled = bool((dataset.y[train] == 1).any())
    if not labelled:
        notes.append(
            "no defect in the train split: only models that learn from good images run, such as patchcore "
            "and mahalanobis"
        )
    notes += _copy_notes(parts, copies, dataset.table, kind)
    if kind != "good":
        notes += make_strata(dataset.table["label"].to_numpy(), dataset.y)[1]
    if labelled:
        notes += folds_or_fewer(dataset.y[train], folds, seed, cluster[train])[1]
    index = dataset.table.index
    return Split(
        pd.Series(parts, index=index, name="split", dtype="str"),
        pd.Series(cluster, index=index, name="cluster", dtype="str"),
        tuple(notes),
    )


def _check_column(dataset: ImageDataset, kind: str) -> None:
    column = {"group": "group", "official": "split"}.get(kind)
    if column is None or has_values(dataset.table, column):
        return
    why = f"split {kind!r}: dataset {dataset.name} has no column {column!r}"
    if kind == "official":
        raise InputError(f"{why}; use --split stratified")
    found = suggest_group(dataset.table["path"].tolist(), dataset.table["label"].to_numpy())
    if found is not None:
        raise InputError(f"{why}; the file names and the images suggest one: {describe_suggestion(found)}")
    raise InputError(
        f"{why}; name the groups with --group 'REGEX with one capture' (searched in the file name), "
        "--group parent or --group FILE.csv; no pattern in the file names agrees with the images"
    )


def has_values(table: pd.DataFrame, column: str) -> bool:
    """Return whether a table has a column with a value in at least one row."""
    return column in table and bool((_text(table[column]) != "").any())


def find_clusters(table: pd.DataFrame, copies: np.ndarray, kind: str) -> tuple[np.ndarray, list[str]]:
    """Return the cluster of each image, and notes.

    Parameters
    ----------
    table : DataFrame
        Of an `ImageDataset`.
    copies : ndarray of int, shape (n_images,)
        See `make_split`.
    kind : str
        Under `group` the images of a group belong together, and groups that share copies.

    Returns
    -------
    cluster : ndarray of str, shape (n_images,)
    notes : list of str
    """
    ids = table["image_id"].astype(str).to_numpy(object)
    if kind != "group":
        return _first_of(copies, ids), []
    groups = _text(table["group"]).to_numpy(object)
    missing = groups == ""
    notes = []
    if missing.any():
        notes.append(
            f"{missing.sum()} of {counted(len(groups), 'image')} have no group (for example "
            f"{ids[missing][0]}); each counts as a group of its own"
        )
    codes = pd.factorize(np.where(missing, ids + "\0alone", groups))[0]
    merged = join_sets(codes, copies)
    if len(set(merged)) < len(set(codes)):
        joined = counted(len(set(codes)) - len(set(merged)), "group", "is")
        notes.append(f"{joined} joined with another because of exact copies")
    return _first_of(merged, np.where(missing, ids, groups)), notes


def _divide(
    dataset: ImageDataset, cluster: np.ndarray, kind: str, sizes: np.ndarray, folds: int, seed: int
) -> np.ndarray:
    labels, y = dataset.table["label"].to_numpy(), dataset.y
    if kind == "official":
        return by_official(_text(dataset.table["split"]).to_numpy(object), labels, y, cluster, sizes, seed)
    need = requirements(folds)
    if kind == "good":
        return by_good(cluster, y, sizes, seed)
    if kind == "group":
        # Strata of one class of images each would ask too much of a few groups.
        return by_unit(cluster, np.where(y == 1, "bad", "good"), y, sizes, need, seed)
    return by_stratum(cluster, make_strata(labels, y)[0], y, sizes, need, seed)


def _needed(parts: np.ndarray, y: np.ndarray, kind: str, folds: int, good_only: bool) -> np.ndarray:
    """Return the images that each split needs; see `requirements`."""
    if kind == "good":
        return requirements(folds, labelled=False)
    defects = int(((parts == "train") & (y == 1)).sum())
    if kind == "official" and good_only and (not defects or defects >= folds):
        # Without a defect in train no fold is needed; without one in valid good images choose the threshold.
        return np.minimum(requirements(folds), [[folds if defects else 2, defects], [1, 0], [1, 1]])
    return requirements(folds)


def _lacks(parts: np.ndarray, y: np.ndarray, need: np.ndarray) -> bool:
    return any(
        int(((parts == name) & (y == label)).sum()) < need[row, label]
        for row, name in enumerate(SPLITS)
        for label in (0, 1)
    )


def _copy_notes(parts: np.ndarray, copies: np.ndarray, table: pd.DataFrame, kind: str) -> list[str]:
    extra, sets = count_copies(copies)
    if not extra:
        return []
    exact = "an exact copy" if extra == 1 else "exact copies"
    said = f"{counted(extra, 'image', 'is')} {exact} of another image ({counted(sets, 'set')})"
    frame = pd.DataFrame({"set": copies, "part": parts, "name": table["path"].to_numpy()})
    parted = frame[frame.groupby("set")["part"].transform("nunique") > 1]
    if not len(parted):
        return [f"{said}; every set lies in one split"]
    one = parted[parted["set"] == parted["set"].iloc[0]]
    where = ", ".join(f"{name} in {part}" for name, part in zip(one["name"], one["part"], strict=True))
    sets_parted = counted(parted["set"].nunique(), "set", "is")
    return [
        f"{said}; {sets_parted} in more than one split, as the {kind} split says, which flatters "
        f"every model: for example {where}"
    ]


def _text(column: pd.Series) -> pd.Series:
    """Return a column as stripped text, empty where there is no value."""
    values = column.astype(object)
    return values.where(values.notna(), "").map(lambda value: str(value).strip()).astype(object)


def _first_of(codes: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Name each set of equal codes after its first image."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    return np.asarray(names[first][inverse.ravel()], dtype=object)

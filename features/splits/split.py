"""One train / valid / test split, made once, used by every model."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from features.datasets.base import ImageDataset
from features.errors import InputError

SPLITS = ("train", "valid", "test")
KINDS = ("stratified", "group", "official")


def make_split(
    dataset: ImageDataset,
    *,
    kind: str = "stratified",
    sizes: Sequence[float] = (0.60, 0.15, 0.25),
    folds: int = 5,
    seed: int = 0,
) -> pd.Series:
    """Assign every image to train, valid or test.

    Parameters
    ----------
    dataset : ImageDataset
        The images.
    kind : {"stratified", "group", "official"}
        `stratified`: each class is shared out in the proportions of `sizes`. `group`: so are the
        groups, none of which is parted (neighbouring cells of one solar module, parts of one lot are
        alike, so parting them flatters every model). `official`: rows whose `split` the owner fixed
        keep it, the others are shared out, stratified, among the splits that the owner did not fix.
    sizes : sequence of three floats
        Shares of train, valid and test; they add up to 1.
    folds : int
        Cross-validation folds that the train split must be able to fill.
    seed : int
        Seed of the shuffling.

    Returns
    -------
    Series of str
        `train`, `valid` or `test` per row of `dataset.table`.

    Raises
    ------
    InputError
        When a class is too small, or the dataset has no groups or no official split.
    """
    if kind not in KINDS:
        raise InputError(f"split {kind!r}: choose one of {', '.join(KINDS)}")
    if len(sizes) != 3 or min(sizes) <= 0 or abs(sum(sizes) - 1) > 1e-6:
        raise InputError(f"split sizes {list(sizes)}: three positive shares that add up to 1")
    dataset.check_learnable(at_least=folds + 2)
    table, y = dataset.table, dataset.y
    if kind == "stratified":
        split = _stratified(_strata(table), sizes, seed)
    elif kind == "group":
        _need(table, "group", kind, dataset.name)
        split = _by_group(table["group"].to_numpy(), y, sizes, seed)
    else:
        _need(table, "split", kind, dataset.name)
        split = _official(table, sizes, seed)
    _check(split, y, folds, dataset.name, kind)
    return pd.Series(split, index=table.index, name="split", dtype="str")


def _strata(table: pd.DataFrame) -> np.ndarray:
    # Classes of one or two images cannot be shared among three splits: they go with the others.
    counts = table["label"].map(table["label"].value_counts())
    return np.where(counts >= 8, table["label"], "rare")


def _stratified(strata: np.ndarray, sizes: Sequence[float], seed: int) -> np.ndarray:
    split = np.full(len(strata), "train", dtype=object)
    rows = np.arange(len(strata))
    try:
        rest, test = train_test_split(rows, test_size=sizes[2], stratify=strata, random_state=seed)
        _, valid = train_test_split(
            rest, test_size=sizes[1] / (sizes[0] + sizes[1]), stratify=strata[rest], random_state=seed
        )
    except ValueError as error:
        raise InputError(f"too few images to split: {error}") from None
    split[test] = "test"
    split[valid] = "valid"
    return split


def _by_group(groups: np.ndarray, y: np.ndarray, sizes: Sequence[float], seed: int) -> np.ndarray:
    """Give whole groups, largest first, to the split that lacks most of what the group holds."""
    counts = pd.crosstab(groups, y)
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts.to_numpy().sum(axis=1)[order], kind="stable")]
    totals = counts.to_numpy().sum(axis=0)
    wanted = np.outer(sizes, totals).astype(float)
    missing = wanted.copy()
    chosen: dict[str, str] = {}
    for row in order:
        held = counts.to_numpy()[row]
        gain = (held * missing / wanted / totals).sum(axis=1)
        best = int(np.argmax(gain))
        missing[best] -= held
        chosen[counts.index[row]] = SPLITS[best]
    return pd.Series(groups).map(chosen).to_numpy(object)


def _official(table: pd.DataFrame, sizes: Sequence[float], seed: int) -> np.ndarray:
    split = table["split"].fillna("").to_numpy(object).copy()
    unknown = sorted(set(split) - {*SPLITS, ""})
    if unknown:
        raise InputError(f"column split: {unknown[0]!r} is none of {', '.join(SPLITS)}")
    fixed = {name for name in SPLITS if (split == name).any()}
    # An owner's "train" leaves the valid split to be cut from it.
    if "valid" not in fixed:
        split[split == "train"] = ""
        fixed.discard("train")
    open_rows = np.flatnonzero(split == "")
    shares = [0.0 if name in fixed else size for name, size in zip(SPLITS, sizes, strict=True)]
    free = [index for index, share in enumerate(shares) if share]
    if not len(open_rows) or not free:
        return split
    strata = _strata(table.iloc[open_rows])
    if len(free) == 3:
        split[open_rows] = _stratified(strata, sizes, seed)
    elif len(free) == 1:
        split[open_rows] = SPLITS[free[0]]
    else:
        share = shares[free[1]] / (shares[free[0]] + shares[free[1]])
        first, second = train_test_split(open_rows, test_size=share, stratify=strata, random_state=seed)
        split[first], split[second] = SPLITS[free[0]], SPLITS[free[1]]
    return split


def _need(table: pd.DataFrame, column: str, kind: str, name: str) -> None:
    if column not in table or table[column].isna().all():
        raise InputError(f"split {kind!r}: dataset {name} has no column {column!r}; use stratified")


def _check(split: np.ndarray, y: np.ndarray, folds: int, name: str, kind: str) -> None:
    for part in SPLITS:
        for label, word in ((0, "good"), (1, "defective")):
            count = int(((split == part) & (y == label)).sum())
            needed = folds if part == "train" else 1
            if count < needed:
                raise InputError(
                    f"dataset {name}, split {kind}: {count} {word} images in {part}, {needed} needed "
                    f"({folds} folds); add images, lower --folds or use another --split"
                )

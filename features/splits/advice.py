"""Refusals of a split, with advice that works."""

from collections.abc import Callable
from typing import NoReturn

import numpy as np

from features.datasets.base import ImageDataset
from features.errors import InputError
from features.splits.parts import SPLITS
from features.splits.words import counted

#: Good and defective images that two folds and three splits need.
LEAST = 4


def refuse(
    dataset: ImageDataset,
    kind: str,
    folds: int,
    parts: np.ndarray,
    copies: np.ndarray,
    need: np.ndarray,
    works: Callable[[str, int], bool],
) -> NoReturn:
    """Raise `InputError` for a split that lacks images, naming a setting that works.

    Parameters
    ----------
    dataset : ImageDataset
    kind : str
        The split that was asked for.
    folds : int
        The folds that were asked for.
    parts : ndarray of str, shape (n_images,)
        The best split that was found.
    copies : ndarray of int, shape (n_images,)
        Number of the set of equal images that each image belongs to.
    need : ndarray of int, shape (3, 2)
        Good and defective images that train, valid and test need.
    works : callable
        `works(kind, folds)` returns whether another setting gives a split.
    """
    counts = {"good": int((dataset.y == 0).sum()), "defective": int((dataset.y == 1).sum())}
    rare, count = min(counts.items(), key=lambda item: item[1])
    if kind == "good":
        lacking = _lacking(dataset, need, parts)
        raise InputError(f"dataset {dataset.name}, split {kind}: {lacking}; add good images")
    if count < folds + 2:
        why = (
            f"dataset {dataset.name}: {counted(count, f'{rare} image')}: too few for {folds} folds and "
            f"three splits ({folds + 2} needed)"
        )
    else:
        why = f"dataset {dataset.name}, split {kind}: {_lacking(dataset, need, parts)} ({folds} folds)"
    advice = []
    for other in dict.fromkeys((kind, "stratified")):
        most = min(folds if other != kind else folds - 1, count - 2)
        fewer = next((n for n in range(most, 1, -1) if works(other, n)), None)
        if fewer is not None:
            advice.append(_flags(kind, other, folds, fewer))
    if rare == "defective" and works("good", folds):
        advice.append("--split good (every defect in test, for models that learn from good images)")
    if advice:
        raise InputError(f"{why}; use {', or '.join(advice)}, or add images")
    copied = _copied(dataset, copies)
    if copied:
        raise InputError(
            f"dataset {dataset.name}: {copied}; equal images stay in one split, and three splits need "
            f"{len(SPLITS)} different images of each kind: add different images (`defectbench data check` "
            "lists the copies)"
        )
    if count < LEAST:
        raise InputError(f"{why}; add images: no setting works with fewer than {LEAST} {rare} images")
    raise InputError(f"{why}; add images")


def _copied(dataset: ImageDataset, copies: np.ndarray) -> str:
    """Say which images are copies of so few that they cannot be divided; empty where copies are not why."""
    if len(set(copies)) == 1:
        return f"all {len(copies)} images are copies of one image"
    found = []
    for label, word in ((0, "good"), (1, "defective")):
        sets = copies[dataset.y == label]
        different = len(set(sets))
        if different < min(len(SPLITS), len(sets)):
            found.append(f"the {len(sets)} {word} images are copies of {counted(different, 'image')}")
    return " and ".join(found)


def _lacking(dataset: ImageDataset, need: np.ndarray, parts: np.ndarray) -> str:
    lacking = []
    for row, name in enumerate(SPLITS):
        for label, word in ((0, "good"), (1, "defective")):
            count = int(((parts == name) & (dataset.y == label)).sum())
            if count < need[row, label]:
                lacking.append(f"{counted(count, f'{word} image')} in {name}, {need[row, label]} needed")
    return "; ".join(lacking)


def _flags(kind: str, other: str, folds: int, fewer: int) -> str:
    flags = [f"--split {other}"] if other != kind else []
    flags += [f"--folds {fewer}"] if fewer != folds else []
    parted = " (which parts groups, so figures are optimistic)" if kind == "group" != other else ""
    return " ".join(flags) + parted

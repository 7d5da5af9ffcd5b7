"""Nested subsets of the train and valid splits, for learning curves."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.errors import InputError

#: Words in a list of sizes: the whole train split, and "continue like this".
ALL, GO_ON = "all", "..."
#: Groups that are compared when the next one is chosen.
_LOOK_AHEAD = 8

By = Literal["images", "defects"]
Valid = Literal["scaled", "whole"]


@dataclass(frozen=True, eq=False)
class Order:
    """The order in which images join a growing subset.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        Positions of the images. The first k of them are the subset of size k.
    ends : ndarray of int, shape (n_units,)
        Sizes at which a subset may end: after each image, or after each group.
    """

    rows: np.ndarray
    ends: np.ndarray

    def first(self, count: int) -> np.ndarray:
        """Return the subset whose size is nearest to `count`, positions in ascending order.

        A larger `count` gives a subset that contains this one.
        """
        if not len(self.ends):
            return self.rows
        return np.sort(self.rows[: self.ends[np.argmin(np.abs(self.ends - count))]])


@dataclass(frozen=True, eq=False)
class Draw:
    """One random draw of nested subsets.

    Parameters
    ----------
    train, valid : Order
        The images that join as the subset grows.
    kept_train, kept_valid : ndarray of int
        Positions of the images that are in every subset.
    scaled : bool
        Whether the valid split shrinks in proportion to the train split.
    """

    train: Order
    valid: Order
    kept_train: np.ndarray
    kept_valid: np.ndarray
    scaled: bool

    def rows(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the train and of the valid images of one size, ascending.

        Parameters
        ----------
        size : int
            Train images, or defective train images where all good ones are kept.
        """
        train = self.train.first(size)
        count = len(self.valid.rows)
        if self.scaled:
            count = round(len(train) * count / max(len(self.train.rows), 1))
        valid = self.valid.first(count)
        return (
            np.sort(np.concatenate([train, self.kept_train])),
            np.sort(np.concatenate([valid, self.kept_valid])),
        )


def make_draw(
    split: np.ndarray,
    labels: np.ndarray,
    y: np.ndarray,
    *,
    seed: int,
    by: By = "images",
    valid: Valid = "scaled",
    cluster: np.ndarray | None = None,
) -> Draw:
    """Draw nested, stratified subsets of the train split, and of the valid split in proportion.

    The subset of a size does not depend on the other sizes that are asked for. The test split is not touched.

    Parameters
    ----------
    split : ndarray of str, shape (n_images,)
        `train`, `valid` or `test`.
    labels : ndarray of str, shape (n_images,)
        Classes. In every subset the images of a class differ from the class's share by less than two. Where
        the smallest subsets would lack good or defective images, one image is brought forward, and the bound
        is three. Groups that stay together have no such bound.
    y : ndarray of int, shape (n_images,)
        1 where the image shows a defect, 0 where it is good.
    seed : int
        Another seed gives another draw.
    by : {"images", "defects"}
        `defects`: all good images are in every subset, and only the defective ones are drawn.
    valid : {"scaled", "whole"}
        Whether the valid split shrinks with the train split. It always keeps an image of each class.
    cluster : ndarray of str, shape (n_images,), optional
        Groups that join a subset as a whole. Sizes are then met as nearly as whole groups allow.

    Returns
    -------
    Draw

    Raises
    ------
    InputError
        For a train or valid split without good or without defective images.

    Examples
    --------
    >>> import numpy as np
    >>> split = np.repeat(["train", "valid", "test"], [40, 10, 20])
    >>> y = np.tile([0, 0, 0, 1, 0], 14)
    >>> draw = make_draw(split, np.where(y, "bad", "good"), y, seed=0)
    >>> [len(rows) for rows in draw.rows(20)]
    [20, 5]
    >>> bool(set(draw.rows(10)[0]) < set(draw.rows(20)[0]))
    True
    """
    rng = np.random.default_rng([seed, by == "defects"])
    # Rare classes are not pooled: the order below bounds the error of every class, however small.
    strata = np.array([f"{one} {label}" for one, label in zip(y, labels, strict=True)])
    orders, kept = [], []
    for name in ("train", "valid"):
        rows = np.flatnonzero(split == name)
        if len(set(y[rows])) < 2:
            raise InputError(f"split {name}: it holds one class only; a learning curve needs both in it")
        drawn = rows[y[rows] == 1] if by == "defects" else rows
        groups = None if cluster is None else cluster[drawn]
        orders.append(make_order(drawn, strata[drawn], y[drawn], rng, groups))
        kept.append(rows[y[rows] == 0] if by == "defects" else rows[:0])
    return Draw(orders[0], orders[1], kept[0], kept[1], valid == "scaled")


def make_order(
    rows: np.ndarray,
    strata: np.ndarray,
    y: np.ndarray,
    rng: np.random.Generator,
    cluster: np.ndarray | None = None,
) -> Order:
    """Order images so that every beginning of the order is a stratified sample.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        Positions of the images.
    strata : ndarray of str, shape (n,)
    y : ndarray of int, shape (n,)
        Where both classes occur, the first two images (or groups) hold both.
    rng : Generator
    cluster : ndarray of str, shape (n,), optional
        Groups that stay together.

    Returns
    -------
    Order

    References
    ----------
    Tijdeman, The chairman assignment problem, Discrete Mathematics 32, 1980: every beginning of his order
    holds the share of each of k strata within 1 - 1 / (2k - 2) images, so every stretch of it, read as a
    cycle, within twice that. One image may then be brought forward so that the first two hold both classes,
    which changes a beginning by one image of two strata.
    """
    if cluster is not None and len(set(cluster)) < len(cluster):
        return _by_group(rows, strata, y, rng, cluster)
    names, codes = np.unique(strata, return_inverse=True)
    waiting = [rng.permutation(np.flatnonzero(codes == code)) for code in range(len(names))]
    places = np.zeros(len(names), int)
    order = np.empty(len(rows), int)
    turns = _apportioned(np.bincount(codes, minlength=len(names)))
    # From a random place on, so that each image is equally likely in the subsets of a size.
    start = int(rng.integers(max(len(turns), 1)))
    for at, stratum in enumerate(turns[start:] + turns[:start]):
        order[at] = waiting[stratum][places[stratum]]
        places[stratum] += 1
    other = np.flatnonzero(y[order] != y[order[0]]) if len(order) else order
    if len(other):
        order = np.concatenate([order[:1], order[other[:1]], np.delete(order, other[0])[1:]])
    # Nothing can be learnt from a subset of one class.
    least = 2 if len(other) else 1
    return Order(rows[order], np.arange(min(least, len(rows)), len(rows) + 1))


def parse_sizes(text: str, whole: int) -> tuple[int, ...]:
    """Return the sizes below the whole that a list asks for.

    Parameters
    ----------
    text : str
        Ascending numbers, separated by commas. `...` goes on as the numbers before it do: 32,64,... doubles,
        10,20,50,... goes on with 100, 200, 500. `all` is the whole split.
    whole : int
        What `all` stands for.

    Returns
    -------
    tuple of int
        Ascending, without `whole`.

    Raises
    ------
    InputError
        For anything else than ascending numbers, `...` after two numbers, and `all` at the end; and for a
        number above `whole`.

    Examples
    --------
    >>> parse_sizes("32,64,...,all", 300)
    (32, 64, 128, 256)
    >>> parse_sizes("1,2,5,...,all", 60)
    (1, 2, 5, 10, 20, 50)
    """
    words = check_sizes(text)
    sizes: list[int] = []
    for at, word in enumerate(words):
        if word == GO_ON:
            after = words[at + 1] if at + 1 < len(words) else ALL
            sizes += _continued(sizes, whole if after == ALL else int(after))
        elif word != ALL:
            if int(word) > whole:
                raise InputError(f"sizes {text}: {word} is more than the {whole} that there are; use all")
            sizes.append(int(word))
    return tuple(size for size in sizes if size < whole)


def check_sizes(text: str) -> list[str]:
    """Return the words of a list of sizes; `InputError` where it is none, see `parse_sizes`."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    numbers = [int(word) for word in words if word.isdecimal()]
    known = all(word.isdecimal() or word in (ALL, GO_ON) for word in words)
    placed = all(word != ALL or at == len(words) - 1 for at, word in enumerate(words)) and all(
        word != GO_ON or (at >= 2 and words[at - 1].isdecimal() and words[at - 2].isdecimal())
        for at, word in enumerate(words)
    )
    ascending = all(one < other for one, other in itertools.pairwise(numbers))
    if not words or not known or not placed or not ascending or (numbers and numbers[0] < 1):
        raise InputError(
            f"sizes {text!r}: give ascending numbers, `...` after two of them, and `all` at the end, such as "
            "32,64,...,all"
        )
    return words


def _continued(sizes: Sequence[int], limit: int) -> list[int]:
    """Return how a list goes on below a limit: 1, 2, 5, 10 in decades, else by the last ratio."""
    decades = [digit * 10**power for power in range(10) for digit in (1, 2, 5)]
    last = list(sizes[-3:])
    if len(last) == 3 and any(decades[at : at + 3] == last for at in range(len(decades))):
        return [size for size in decades if last[-1] < size < limit]
    found, ratio, size = [], last[-1] / last[-2], float(last[-1])
    while (size := size * ratio) < limit - 0.5:
        found.append(round(size))
    return found


def _apportioned(counts: np.ndarray) -> list[int]:
    """Return the stratum of each place by Tijdeman's rule: of those that are due, the one due first."""
    if len(counts) < 2:
        return [0] * int(counts.sum())
    share = counts / counts.sum()
    slack = 1 / (2 * len(counts) - 2)
    held = np.zeros(len(counts))
    chosen = []
    for place in range(1, int(counts.sum()) + 1):
        due = share * place - held
        urgency = np.where(due >= slack - 1e-9, (1 - slack - due) / share, np.inf)
        stratum = int(np.argmin(urgency))
        held[stratum] += 1
        chosen.append(stratum)
    return chosen


def _by_group(
    rows: np.ndarray, strata: np.ndarray, y: np.ndarray, rng: np.random.Generator, cluster: np.ndarray
) -> Order:
    of = np.unique(cluster, return_inverse=True)[1].ravel()
    names, codes = np.unique(strata, return_inverse=True)
    counts = np.zeros((of.max() + 1, len(names)))
    np.add.at(counts, (of, codes), 1)
    classes = np.zeros((of.max() + 1, 2), bool)
    classes[of, y] = True
    left = list(rng.permutation(len(counts)))
    order = _with_each_class(left, classes)
    needed = len(order)
    left = [unit for unit in left if unit not in set(order)]
    share, held = counts.sum(axis=0) / counts.sum(), counts[order].sum(axis=0)
    while left:
        after = held + counts[left[:_LOOK_AHEAD]]
        off = np.abs(after - after.sum(axis=1, keepdims=True) * share).sum(axis=1)
        unit = left.pop(int(np.argmin(off)))
        order.append(unit)
        held = held + counts[unit]
    members = [np.flatnonzero(of == unit) for unit in order]
    ends = np.cumsum([len(each) for each in members])
    return Order(rows[np.concatenate(members)], ends[needed - 1 :])


def _with_each_class(units: Sequence[int], classes: np.ndarray) -> list[int]:
    """Return the first unit, and the first one with the other class where the first lacks it."""
    present = classes.any(axis=0)
    first = units[0]
    lacking = present & ~classes[first]
    if not lacking.any():
        return [first]
    return [first, next(unit for unit in units if (classes[unit] & lacking).any())]

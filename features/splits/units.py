"""Shares of images that are not parted: whole groups, whole sets of copies."""

from dataclasses import dataclass

import numpy as np

#: Random attempts at most, and the work (attempts times units) that is spent on them.
ATTEMPTS, WORK = 32, 6_000


@dataclass(frozen=True, eq=False)
class Units:
    """Units that are not parted, by what they hold.

    Parameters
    ----------
    of : ndarray of int, shape (n_images,)
        The unit of each image: 0 to n_units - 1.
    counts : ndarray of int, shape (n_units, n_strata)
        Images of each stratum in each unit.
    defect : ndarray of bool, shape (n_strata,)
        Whether the images of a stratum are defects. A stratum holds only good or only defective images.
    """

    of: np.ndarray
    counts: np.ndarray
    defect: np.ndarray

    @classmethod
    def make(cls, keys: np.ndarray, strata: np.ndarray, y: np.ndarray) -> "Units":
        """Make the units of images with equal keys; images of one stratum have one value of `y`."""
        of = np.unique(keys, return_inverse=True)[1].ravel()
        names, codes = np.unique(strata.astype(str), return_inverse=True)
        counts = np.zeros((of.max() + 1, len(names)), int)
        np.add.at(counts, (of, codes), 1)
        defect = np.zeros(len(names), bool)
        defect[codes] = y == 1
        return cls(of, counts, defect)

    @property
    def by_class(self) -> np.ndarray:
        """int array of shape (n_units, 2): good and defective images of each unit."""
        good, bad = self.counts[:, ~self.defect].sum(axis=1), self.counts[:, self.defect].sum(axis=1)
        return np.column_stack([good, bad])


def share_out(units: Units, sizes: np.ndarray, need: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give each unit to one part, so that every part gets its share of every stratum.

    Units of several images go first, large ones earlier, each to the part that lacks most of what it
    holds. Units of one image then fill each stratum up to its quota. Several random orders are tried; the
    first one that is nearly as good as the best is taken, so that another seed gives another split.

    Parameters
    ----------
    units : Units
        What is shared out.
    sizes : ndarray of float, shape (n_parts,)
        Shares of the parts; they add up to 1.
    need : ndarray of int, shape (n_parts, 2)
        Good and defective images that a part needs at least.
    rng : Generator
        Source of the random orders.

    Returns
    -------
    ndarray of int, shape (n_units,)
        The part of each unit. Where `need` cannot be met, the attempt that lacks least.
    """
    several = np.flatnonzero(units.counts.sum(axis=1) > 1)
    attempts = int(np.clip(WORK // max(1, len(several)), 2, ATTEMPTS)) if len(several) else 1
    tried = []
    for _ in range(attempts):
        part = _attempt(units, several, sizes, rng)
        part = repair(part, units.by_class, sizes, need, rng)
        tried.append((lack(part, units.by_class, need), _deviation(part, units, sizes), part))
    least = min(each[0] for each in tried)
    good = [each for each in tried if each[0] == least]
    limit = max(1.5 * min(each[1] for each in good), 0.01)
    return next(part for _, deviation, part in good if deviation <= limit)


def lack(part: np.ndarray, by_class: np.ndarray, need: np.ndarray) -> int:
    """Return how many good and defective images the parts lack in all."""
    return int(np.maximum(need - _held(part, by_class, len(need)), 0).sum())


def repair(
    part: np.ndarray, by_class: np.ndarray, sizes: np.ndarray, need: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Move or exchange single units until every part holds what it needs, if that is possible.

    Parameters
    ----------
    part : ndarray of int, shape (n_units,)
        The part of each unit.
    by_class : ndarray of int, shape (n_units, 2)
        Good and defective images of each unit.
    sizes, need, rng
        See `share_out`.

    Returns
    -------
    ndarray of int, shape (n_units,)
        `part` itself where nothing is lacking.
    """
    while lack(part, by_class, need):
        found = _best_move(part, by_class, sizes, need, rng)
        if found is None:
            found = _best_exchange(part, by_class, sizes, need, rng)
        if found is None:
            return part
        part = found
    return part


def _attempt(units: Units, several: np.ndarray, sizes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    counts, totals = units.counts, units.counts.sum(axis=0)
    wanted = np.outer(sizes, totals)
    missing = wanted.astype(float)
    part = np.full(len(counts), -1)
    sizes_of = counts[several].sum(axis=1)
    order = np.argsort(-(np.log(sizes_of) + 0.3 * rng.gumbel(size=len(several))), kind="stable")
    for unit in several[order]:
        held = counts[unit]
        gain = (held * missing / wanted / totals).sum(axis=1)
        part[unit] = int(np.argmax(gain + 1e-9 * rng.random(len(gain))))
        missing[part[unit]] -= held
    _fill(part, counts, missing, sizes, rng)
    return part


def _fill(
    part: np.ndarray, counts: np.ndarray, missing: np.ndarray, sizes: np.ndarray, rng: np.random.Generator
) -> None:
    """Give the units of one image to the parts, by quotas; rounding errors do not add up over strata."""
    carried = np.zeros(len(sizes))
    open_units = part < 0
    # Large strata first: the small ones then even out what rounding has left over.
    for stratum in np.argsort(-counts.sum(axis=0), kind="stable"):
        alone = np.flatnonzero(open_units & (counts[:, stratum] > 0))
        if not len(alone):
            continue
        target = np.maximum(missing[:, stratum], 0)
        target = len(alone) * (target / target.sum() if target.sum() else sizes)
        quota = np.floor(target + 1e-9).astype(int)
        rest = len(alone) - int(quota.sum())
        short = target - quota + carried + 1e-9 * rng.random(len(sizes))
        quota[np.argsort(-short)[:rest]] += 1
        carried += target - quota
        part[rng.permutation(alone)] = np.repeat(np.arange(len(sizes)), quota)


def _held(part: np.ndarray, by_class: np.ndarray, n_parts: int) -> np.ndarray:
    held = np.zeros((n_parts, 2), int)
    np.add.at(held, part, by_class)
    return held


def _deviation(part: np.ndarray, units: Units, sizes: np.ndarray) -> float:
    """Return how far the parts are from their shares: of all images, and of good and defective ones."""
    held = _held(part, units.by_class, len(sizes)).astype(float)
    held = np.column_stack([held, held.sum(axis=1)])
    shares = held / np.maximum(held.sum(axis=0), 1)
    return float(np.abs(shares - sizes[:, None]).max(axis=0) @ (0.25, 0.25, 0.5))


def _best_move(
    part: np.ndarray, by_class: np.ndarray, sizes: np.ndarray, need: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    held = _held(part, by_class, len(sizes))
    best: tuple[float, np.ndarray] | None = None
    # Units of one content in one part are alike: one of them, drawn at random, stands for all.
    order = rng.permutation(len(part))
    _, first = np.unique(np.column_stack([part, by_class])[order], axis=0, return_index=True)
    for unit in order[first]:
        for target in range(len(sizes)):
            if target == part[unit]:
                continue
            after = held.copy()
            after[part[unit]] -= by_class[unit]
            after[target] += by_class[unit]
            cost = _cost(after, sizes, need)
            if best is None or cost < best[0]:
                moved = part.copy()
                moved[unit] = target
                best = cost, moved
    return best[1] if best is not None and best[0] < _cost(held, sizes, need) - 0.5 else None


def _best_exchange(
    part: np.ndarray, by_class: np.ndarray, sizes: np.ndarray, need: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    held = _held(part, by_class, len(sizes))
    best: tuple[float, np.ndarray] | None = None
    order = rng.permutation(len(part))
    _, first = np.unique(np.column_stack([part, by_class])[order], axis=0, return_index=True)
    kinds = order[first][:200]
    for position, one in enumerate(kinds):
        for other in kinds[:position]:
            if part[one] == part[other]:
                continue
            after = held.copy()
            after[part[one]] += by_class[other] - by_class[one]
            after[part[other]] += by_class[one] - by_class[other]
            cost = _cost(after, sizes, need)
            if best is None or cost < best[0]:
                moved = part.copy()
                moved[one], moved[other] = part[other], part[one]
                best = cost, moved
    return best[1] if best is not None and best[0] < _cost(held, sizes, need) - 0.5 else None


def _cost(held: np.ndarray, sizes: np.ndarray, need: np.ndarray) -> float:
    """Return what is lacking, plus less than half an image for sizes that are off."""
    lacking = float(np.maximum(need - held, 0).sum())
    return lacking + 0.24 * float(np.abs(held.sum(axis=1) / held.sum() - sizes).sum())

"""Cross-validation folds that keep what belongs together."""

import numpy as np

from features.splits.units import Units, lack, share_out

Folds = list[tuple[np.ndarray, np.ndarray]]


def make_folds(y: np.ndarray, folds: int, seed: int, cluster: np.ndarray | None = None) -> Folds:
    """Return shuffled, stratified folds; images of one cluster are in one fold.

    Parameters
    ----------
    y : ndarray of int, shape (n_images,)
        1 where the image shows a defect, 0 where it is good.
    folds : int
        Number of folds. There are fewer where good or defective images lie in fewer clusters.
    seed : int
        Seed of the shuffling.
    cluster : ndarray of str, shape (n_images,), optional
        Images with one value stay together: a group, or exact copies.

    Returns
    -------
    list of (ndarray of int, ndarray of int)
        Rows to fit on and rows held out, for each fold. Both classes are in each of them, if possible.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array([0, 1] * 10)
    >>> [len(held) for _, held in make_folds(y, 5, seed=0)]
    [4, 4, 4, 4, 4]
    >>> len(make_folds(y, 5, seed=0, cluster=np.repeat(["a", "b", "c"], [6, 6, 8])))
    3
    """
    return folds_or_fewer(y, folds, seed, cluster)[0]


def folds_or_fewer(
    y: np.ndarray, folds: int, seed: int, cluster: np.ndarray | None = None
) -> tuple[Folds, list[str]]:
    """Return the folds of `make_folds`, and a note where they are not what was asked for."""
    from sklearn.model_selection import StratifiedKFold

    y = np.asarray(y)
    if cluster is None or len(set(cluster)) == len(y):
        return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(y, y)), []
    units = Units.make(np.asarray(cluster), y.astype(str), y)
    holding = int((units.by_class > 0).sum(axis=0).min())
    for count in range(min(folds, holding), 1, -1):
        found = _whole(units, y, count, seed)
        if found is not None:
            few = f"good or defective images of the train split lie in {holding} groups or sets of copies"
            return found, [] if count == folds else [f"{few}: searches use {count} folds, not {folds}"]
    parted = (
        "good or defective images of the train split lie in one group or set of copies: the folds of "
        "searches part it, so the scores that settings are chosen by are optimistic (those on test are not)"
    )
    return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(y, y)), [parted]


def _whole(units: Units, y: np.ndarray, count: int, seed: int) -> Folds | None:
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    found = list(splitter.split(y, y, units.of))
    if all(len(set(y[rows])) == 2 for pair in found for rows in pair):
        return found
    need = np.ones((count, 2), int)
    part = share_out(units, np.full(count, 1 / count), need, np.random.default_rng(seed))
    if lack(part, units.by_class, need):
        return None
    held = part[units.of]
    return [(np.flatnonzero(held != fold), np.flatnonzero(held == fold)) for fold in range(count)]

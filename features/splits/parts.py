"""The ways to divide images: by stratum, by unit, or as the owner fixed it."""

from collections.abc import Sequence

import numpy as np

from features.errors import InputError
from features.splits.units import Units, lack, repair, share_out

SPLITS = ("train", "valid", "test")


def requirements(folds: int, *, labelled: bool = True) -> np.ndarray:
    """Return the good and defective images that train, valid and test need.

    Parameters
    ----------
    folds : int
        Cross-validation folds of the train split.
    labelled : bool
        Whether models learn from both classes; False: from good images only.

    Returns
    -------
    ndarray of int, shape (3, 2)
        Rows: train, valid, test. Columns: good, defective.
    """
    return np.array([[folds, folds], [1, 1], [1, 1]] if labelled else [[2, 0], [1, 0], [1, 1]])


def by_stratum(
    cluster: np.ndarray, strata: np.ndarray, y: np.ndarray, sizes: np.ndarray, need: np.ndarray, seed: int
) -> np.ndarray:
    """Divide each stratum in the proportions of `sizes`; images of one cluster stay together.

    Parameters
    ----------
    cluster : ndarray of str, shape (n_images,)
    strata : ndarray of str, shape (n_images,)
        An image's stratum; a stratum holds only good or only defective images.
    y : ndarray of int, shape (n_images,)
    sizes : ndarray of float, shape (3,)
    need : ndarray of int, shape (3, 2)
        Good and defective images that each split needs.
    seed : int

    Returns
    -------
    ndarray of str, shape (n_images,)
    """
    if len(set(cluster)) < len(cluster):
        return by_unit(cluster, strata, y, sizes, need, seed)
    try:
        parts = _shuffled(strata, sizes, seed)
    except ValueError:
        # A stratum of one image, or fewer images in a split than there are strata.
        return by_unit(cluster, strata, y, sizes, need, seed)
    codes, alone = np.array([SPLITS.index(name) for name in parts]), np.eye(2, dtype=int)[y]
    if lack(codes, alone, need):
        codes = repair(codes, alone, sizes, need, np.random.default_rng(seed))
    return _names(codes)


def by_unit(
    cluster: np.ndarray, strata: np.ndarray, y: np.ndarray, sizes: np.ndarray, need: np.ndarray, seed: int
) -> np.ndarray:
    """Divide whole clusters, so that every split gets its share of every stratum; see `by_stratum`."""
    units = Units.make(cluster, strata, y)
    return _names(share_out(units, sizes, need, np.random.default_rng(seed))[units.of])


def by_good(cluster: np.ndarray, y: np.ndarray, sizes: np.ndarray, seed: int) -> np.ndarray:
    """Put every defect into the test split and divide the good images; see `by_stratum`.

    Good images of a cluster that holds a defect go to the test split with it.
    """
    parts = np.full(len(y), "test", dtype=object)
    rest = np.flatnonzero(~np.isin(cluster, cluster[y == 1]))
    if len(rest):
        need = requirements(0, labelled=False) * [1, 0]
        strata = np.full(len(rest), "good")
        parts[rest] = by_stratum(cluster[rest], strata, y[rest], sizes, need, seed)
    return parts


def by_official(
    official: np.ndarray, labels: np.ndarray, y: np.ndarray, cluster: np.ndarray, sizes: np.ndarray, seed: int
) -> np.ndarray:
    """Keep the owner's splits and divide the other rows among the splits that the owner did not fix.

    Where the owner fixed no valid split, it is cut from the train split.

    Parameters
    ----------
    official : ndarray of str, shape (n_images,)
        `train`, `valid`, `test`, or empty where the owner fixed none.
    labels, y, cluster, sizes, seed
        See `by_stratum`.

    Raises
    ------
    InputError
        For a name that is no split.
    """
    from features.splits.strata import make_strata

    unknown = sorted(set(official) - {*SPLITS, ""})
    if unknown:
        raise InputError(f"column split: {unknown[0]!r} is none of {', '.join(SPLITS)}")
    parts = _follow_copies(official, cluster)
    fixed = {name for name in SPLITS if (official == name).any()}
    # An owner's "train" leaves the valid split to be cut from it.
    if "valid" not in fixed:
        parts[parts == "train"] = ""
        fixed.discard("train")
    rows = np.flatnonzero(parts == "")
    free = [at for at, name in enumerate(SPLITS) if name not in fixed]
    if not len(rows) or not free:
        return parts
    shares = sizes[free] / sizes[free].sum()
    strata = make_strata(labels[rows], y[rows])[0]
    parts[rows] = _free_rows(strata, y[rows], cluster[rows], sizes, shares, free, seed)
    return parts


def _free_rows(
    strata: np.ndarray,
    y: np.ndarray,
    cluster: np.ndarray,
    sizes: np.ndarray,
    shares: np.ndarray,
    free: Sequence[int],
    seed: int,
) -> np.ndarray:
    if len(free) == 1:
        return np.full(len(y), SPLITS[free[0]], dtype=object)
    if len(set(cluster)) == len(cluster):
        try:
            if len(free) == 3:
                return _shuffled(strata, sizes, seed)
            from sklearn.model_selection import train_test_split

            parts = np.full(len(y), SPLITS[free[0]], dtype=object)
            _, second = train_test_split(
                np.arange(len(y)), test_size=shares[1], stratify=strata, random_state=seed
            )
            parts[second] = SPLITS[free[1]]
            return parts
        except ValueError:
            pass
    units = Units.make(cluster, strata, y)
    need = np.ones((len(free), 2), int)
    codes = share_out(units, shares, need, np.random.default_rng(seed))[units.of]
    return np.array([SPLITS[at] for at in free], dtype=object)[codes]


def _follow_copies(official: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Put open rows into the split that holds their fixed copies, where that is a single one."""
    parts = official.copy()
    for name in set(cluster[(official == "")]):
        members = cluster == name
        homes = set(official[members]) - {""}
        if len(homes) == 1:
            parts[members] = homes.pop()
    return parts


def _shuffled(strata: np.ndarray, sizes: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.model_selection import train_test_split

    split = np.full(len(strata), "train", dtype=object)
    rows = np.arange(len(strata))
    rest, test = train_test_split(rows, test_size=sizes[2], stratify=strata, random_state=seed)
    _, valid = train_test_split(
        rest, test_size=sizes[1] / (sizes[0] + sizes[1]), stratify=strata[rest], random_state=seed
    )
    split[test] = "test"
    split[valid] = "valid"
    return split


def _names(codes: np.ndarray) -> np.ndarray:
    return np.array(SPLITS, dtype=object)[codes]

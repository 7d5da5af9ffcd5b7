"""The two halves of the training images and the batches of an epoch."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from features.errors import InputError


def halve(codes: np.ndarray, classes: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide rows into two stratified halves.

    Parameters
    ----------
    codes : int array, shape (n,)
        Class codes.
    classes : sequence
        Name of each class, for messages.
    seed : int

    Returns
    -------
    first, second : int arrays
        Rows in rising order. A class with an odd number of rows has one more in one of them, and the
        halves differ by at most one row in all.

    Raises
    ------
    InputError
        When a half would have no row of a class.
    """
    rng = np.random.default_rng([seed, len(codes)])
    halves: list[list[int]] = [[], []]
    for code, name in enumerate(classes):
        rows = rng.permutation(np.flatnonzero(codes == code)).tolist()
        if len(rows) < 2:
            raise InputError(
                f"class {str(name)!r} has {len(rows)} training image{'s' * (len(rows) != 1)}: one half of "
                "the search would have none; give at least 2 of each class"
            )
        smaller, larger = sorted(halves, key=len)
        smaller += rows[: -(-len(rows) // 2)]
        larger += rows[-(-len(rows) // 2) :]
    first, second = halves
    return np.array(sorted(first)), np.array(sorted(second))


def batches(
    first: np.ndarray, second: np.ndarray, size: int, seed: int, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of batches of rows, in an order that depends only on the seed and the epoch.

    Every row of the first half comes once, except a last one that would be alone in its batch, which
    batch norm cannot use. The second half starts anew when it has fewer rows.
    """
    rng = np.random.default_rng([seed, epoch])
    rows = rng.permutation(first)
    others = np.resize(rng.permutation(second), len(rows))
    for start in range(0, len(rows), size):
        if len(rows) - start > 1:
            yield rows[start : start + size], others[start : start + size]

"""Exact copies: images of equal pixels, in whatever file format."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from features.pixels.images import scan_images
from features.structure.fingerprints import FLAT, Fingerprints


def copy_sets(pixels: np.ndarray, content: Sequence[str] | None = None) -> np.ndarray:
    """Number the sets of equal images.

    Parameters
    ----------
    pixels : ndarray of str, shape (n_images,)
        Hash of each image's decoded pixels, see `Fingerprints`; empty where there is none. Files of equal
        content have equal pixels, so the hash of the pixels finds them too.
    content : sequence of str, optional
        Hash of each file's content, see `features.pixels.images.scan_images`. Images of a single grey value
        are equal where their files are: many a dark photograph is black once it has 8 bits.

    Returns
    -------
    ndarray of int, shape (n_images,)
        Equal numbers for equal images. An image without a hash stands alone.

    Examples
    --------
    >>> import numpy as np
    >>> copy_sets(np.array(["a", "b", "a", "", ""])).tolist()
    [0, 1, 0, 2, 3]
    """
    keys = [key or f"alone {position}" for position, key in enumerate(pixels)]
    for position, key in enumerate(keys):
        if key.startswith(FLAT):
            keys[position] = content[position] if content is not None else f"alone {position}"
    return np.asarray(pd.factorize(np.array(keys, dtype=object))[0])


def copies_of(paths: Sequence[str]) -> np.ndarray:
    """Read image files and number the sets of equal images; see `copy_sets`.

    A file that cannot be read stands alone.
    """
    prints = Fingerprints(len(paths), thumbnails=False)
    scan = scan_images(paths, observe=prints.observe)
    return copy_sets(prints.pixels, scan["content"].tolist())


def count_copies(sets: np.ndarray) -> tuple[int, int]:
    """Return the number of images beyond the first of each set, and the number of sets of two or more."""
    sizes = np.unique(sets, return_counts=True)[1]
    return int((sizes - 1).sum()), int((sizes > 1).sum())


def conflicting_labels(sets: np.ndarray, labels: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return one line for each set of equal images that carry two or more labels.

    Parameters
    ----------
    sets : ndarray of int, shape (n_images,)
        See `copy_sets`.
    labels : sequence of str
        Label of each image.
    names : sequence of str
        What each image is called in the line.
    """
    frame = pd.DataFrame({"set": sets, "label": list(labels), "name": list(names)})
    frame = frame[frame["set"].duplicated(keep=False)]
    lines = []
    for _, group in frame.groupby("set", sort=False):
        found = sorted(set(group["label"]))
        if len(found) > 1:
            lines.append(f"same image, labels {' and '.join(found)}: {', '.join(group['name'])}")
    return lines


def join_sets(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Number the sets of images that are connected by either numbering.

    Parameters
    ----------
    one, other : ndarray of int, shape (n_images,)
        Two numberings of the same images from 0 on.

    Examples
    --------
    >>> import numpy as np
    >>> join_sets(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).tolist()
    [0, 0, 0, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = int(one.max()) + 1
    size = count + int(other.max()) + 1
    edges = coo_array((np.ones(len(one)), (one, count + other)), shape=(size, size))
    return np.asarray(connected_components(edges, directed=False)[1][one])

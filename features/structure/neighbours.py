"""Nearest neighbours and near copies, by thumbnails or by embeddings."""

from dataclasses import dataclass

import numpy as np

#: A near copy is closer than this share of the distance to the 20th nearest image.
NEAR, RANK = 0.5, 20
#: Limits that sets of near copies are linked by: the first that makes no set of more than a tenth of all.
LINKS, LARGEST_SET = (0.65, NEAR, 0.35, 0.2), 0.1
#: An image whose grey values vary less is too flat to be compared.
FLAT = 0.5
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest image of each of some images.

    Parameters
    ----------
    position : ndarray of int, shape (n_queries,)
        Position of the nearest image among those that were looked at; -1 where there was none.
    distance : ndarray of float, shape (n_queries,)
        Distance to it as a share of the distance to the image's 20th nearest image in the dataset; inf
        where there was none.
    """

    position: np.ndarray
    distance: np.ndarray

    @property
    def near(self) -> np.ndarray:
        """bool array of shape (n_queries,): whether the nearest image is a near copy."""
        return self.distance < NEAR


def comparable(thumbnails: np.ndarray) -> np.ndarray:
    """Return thumbnails freed of their brightness and contrast, so that they can be compared.

    Parameters
    ----------
    thumbnails : ndarray of float, shape (n_images, n_pixels)
        Grey values from 0 to 255.

    Returns
    -------
    ndarray of float32, shape (n_images, n_pixels)
        NaN for images that are too flat to be compared.
    """
    pixels = thumbnails - thumbnails.mean(axis=1, keepdims=True)
    spread = pixels.std(axis=1, keepdims=True)
    return np.where(spread < FLAT, np.nan, pixels / (spread + 2)).astype(np.float32)


def nearest(
    features: np.ndarray, queries: np.ndarray, candidates: np.ndarray, within: np.ndarray | None = None
) -> Neighbours:
    """Return the nearest of some images for each of some images.

    What counts as near depends on the image: the distance is divided by the distance to its 20th nearest
    image. Parts that all look alike are then no copies of each other, and photographs of one thing are
    found among others that differ much.

    Parameters
    ----------
    features : ndarray of float, shape (n_images, n_features)
        Of `comparable`, or embeddings. Images with NaN are near to nothing.
    queries, candidates : ndarray of int
        Positions of the images to look from, and of those to look at. An image is not its own neighbour.
    within : ndarray of int, shape (n_images,), optional
        Only images of one value, such as one class, are compared.

    Returns
    -------
    Neighbours
        In the order of `queries`.
    """
    position = np.full(len(queries), -1)
    distance = np.full(len(queries), np.inf)
    usable = np.flatnonzero(np.isfinite(features).all(axis=1))
    rank = min(RANK, len(usable) // 4)
    if rank < 1:
        return Neighbours(position, distance)
    allowed = np.isin(usable, candidates)
    squares = (features[usable] ** 2).sum(axis=1)
    asked = np.flatnonzero(np.isin(queries, usable))
    step = max(1, _BLOCK // len(usable))
    for start in range(0, len(asked), step):
        rows = asked[start : start + step]
        images = queries[rows]
        between = squares - 2 * features[images] @ features[usable].T
        between += (features[images] ** 2).sum(axis=1)[:, None]
        between[images[:, None] == usable] = np.inf
        scale = np.partition(between, rank, axis=1)[:, rank]
        between[:, ~allowed] = np.inf
        if within is not None:
            between[within[images][:, None] != within[usable]] = np.inf
        best = between.argmin(axis=1)
        value = np.maximum(between[np.arange(len(rows)), best], 0)
        position[rows] = np.where(np.isfinite(value), usable[best], -1)
        distance[rows] = np.sqrt(value / np.maximum(scale, 1e-12))
    return Neighbours(position, distance)


def sets_of_near_copies(neighbours: Neighbours) -> np.ndarray:
    """Number the sets of images that are connected by near copies.

    Parameters
    ----------
    neighbours : Neighbours
        Of every image, in the order of the dataset.

    Returns
    -------
    ndarray of int, shape (n_images,)
        Equal numbers for images of one set. An image without a near copy stands alone.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(neighbours.position)
    for limit in LINKS:
        rows = np.flatnonzero(neighbours.distance < limit)
        edges = coo_array((np.ones(len(rows)), (rows, neighbours.position[rows])), shape=(count, count))
        sets = np.asarray(connected_components(edges, directed=False)[1])
        if np.bincount(sets).max() <= max(2, LARGEST_SET * count):
            break
    return sets

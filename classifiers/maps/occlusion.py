"""Occlusion maps: what a model's score loses when a part of the image is covered."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from features.chunks import chunks
from features.errors import InputError

NAME, TITLE = "occlusion", "Occlusion"
BATCH = 64
#: Patches along each side; neighbouring patches overlap by half.
CELLS = 8

#: uint8 images (n, height, width[, 3]) to scores (n,), higher for the class whose evidence is shown.
Score = Callable[[np.ndarray], np.ndarray]


def occlusion_maps(score: Score, X: np.ndarray, *, cells: int = CELLS, batch_size: int = BATCH) -> np.ndarray:
    """Return how much the score of each image falls where a patch of it is covered.

    Parameters
    ----------
    score : callable
        uint8 images (n, height, width[, 3]) to float scores (n,). It needs no gradient: any model will do.
    X : uint8 array, shape (n, height, width) or (n, height, width, 3)
    cells : int
        Rows and columns of the map. A patch covers two of them in each direction, or one at the border, and
        has the mean colour of the image.
    batch_size : int
        Images per call of `score`; copies of several images share a call.

    Returns
    -------
    float32 array, shape (n, cells, cells)
        Mean loss of score over the patches that cover a cell: positive where the score rests on it.

    Raises
    ------
    InputError
        For images smaller than `cells` pixels.

    References
    ----------
    Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014.

    Examples
    --------
    >>> occlusion_maps(lambda images: images[:, 0, 0] / 255, np.full((1, 8, 8), 255, np.uint8)).shape
    (1, 8, 8)
    """
    height, width = X.shape[1:3]
    if min(height, width) < cells:
        raise InputError(f"images of {height} x {width} pixels: occlusion needs at least {cells} a side")
    rows, columns = (np.linspace(0, side, cells + 1).round().astype(int) for side in (height, width))
    places = [(r, c) for r in range(-1, cells) for c in range(-1, cells)]
    copies = len(places) + 1
    found = np.empty((len(X), copies), np.float64)
    for part in chunks(len(X) * copies, batch_size):
        numbers = np.arange(part.start, part.stop)
        batch = X[numbers // copies].copy()
        for image, place in zip(batch, numbers % copies, strict=True):
            if place:
                row, column = places[place - 1]
                top, left = rows[max(row, 0)], columns[max(column, 0)]
                bottom, right = rows[min(row + 2, cells)], columns[min(column + 2, cells)]
                image[top:bottom, left:right] = image.mean(axis=(0, 1)).round().astype(np.uint8)
        found.reshape(-1)[part] = score(batch)
    loss = (found[:, :1] - found[:, 1:]).reshape(len(X), 1, cells + 1, cells + 1)
    # A cell is covered by the patches that start at it and one cell before it, in both directions.
    maps = functional.avg_pool2d(torch.from_numpy(loss), 2, stride=1)
    return maps[:, 0].numpy().astype(np.float32)

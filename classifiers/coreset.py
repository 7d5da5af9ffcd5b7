"""A few rows that lie near all others."""

import numpy as np

#: Dimensions that distances are computed in; a random projection to them changes distances by some percent.
PROJECTED = 128


def greedy_coreset(rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Choose rows one by one, each time the row that is farthest from those chosen (k-centre greedy).

    Parameters
    ----------
    rows : float32 array, shape (n, d)
        More than `PROJECTED` dimensions are projected to that number at random.
    count : int
        Number of rows to choose, at most n.
    rng : Generator
        Source of the projection and of the first row.

    Returns
    -------
    int array, shape (count,)
        Row numbers in the order of their choice. Once every row coincides with a chosen one, the rest are
        the first of those left.

    References
    ----------
    Gonzalez, Clustering to minimize the maximum intercluster distance, Theoretical Computer Science 38, 1985;
    Sener and Savarese, Active learning for convolutional neural networks: a core-set approach, ICLR 2018.

    Examples
    --------
    >>> rows = np.array([[0.0], [0.1], [5.0], [9.0]], np.float32)
    >>> sorted(greedy_coreset(rows, 2, np.random.default_rng(0)).tolist()) in ([0, 3], [1, 3])
    True
    """
    count = min(count, len(rows))
    points = np.asarray(rows, np.float32)
    if points.shape[1] > PROJECTED:
        directions = rng.normal(scale=PROJECTED**-0.5, size=(points.shape[1], PROJECTED))
        points = points @ directions.astype(np.float32)
    # Distances of points far from the origin would lose their digits in the sums below.
    points = points - points.mean(axis=0)
    squares = np.einsum("nd,nd->n", points, points)
    chosen = np.empty(count, np.int64)
    nearest = np.full(len(points), np.inf, np.float32)
    row = int(rng.integers(len(points)))
    for place in range(count):
        chosen[place] = row
        np.minimum(nearest, squares - 2 * (points @ points[row]) + squares[row], out=nearest)
        # A chosen row is not chosen again, whatever rounding makes of its distance to itself.
        nearest[row] = -np.inf
        row = int(nearest.argmax())
    return chosen

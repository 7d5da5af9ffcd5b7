"""Facts about embeddings without labels: values that are missing, constant or saturated."""

import numpy as np

#: Largest finite number of float16.
_FLOAT16 = 65504.0
#: Share of images at the largest value of a dimension from which it is saturated.
_SHARE_AT_TOP = 0.5
_ROWS = 4096


def embedding_facts(matrix: np.ndarray) -> dict[str, int]:
    """Count missing, constant and saturated values of a set of embeddings.

    Parameters
    ----------
    matrix : float array, shape (n_images, n_dimensions)

    Returns
    -------
    dict of str to int
        `images` and `dimensions`; `not_finite`: images with a value that is NaN or infinite; `different`:
        different embeddings among the finite ones; `constant`: dimensions with one value; `saturated`: other
        dimensions where half of the images or more have the largest value, or one value does not fit into
        float16.

    Examples
    --------
    >>> embedding_facts(np.array([[0.0, 1.0], [2.0, 1.0], [np.nan, 1.0]]))["not_finite"]
    1
    """
    matrix = np.asarray(matrix, np.float32)
    images, dimensions = matrix.shape
    finite = np.isfinite(matrix).all(axis=1)
    facts = {"images": images, "dimensions": dimensions, "not_finite": int((~finite).sum())}
    known = matrix if finite.all() else matrix[finite]
    if not known.size:
        return {**facts, "different": 0, "constant": 0, "saturated": 0}
    low, high = known.min(axis=0), known.max(axis=0)
    constant = low == high
    # In parts, so that no second matrix of this size is needed.
    at_top = sum((known[start : start + _ROWS] == high).sum(axis=0) for start in range(0, len(known), _ROWS))
    beyond = np.maximum(np.abs(low), np.abs(high)) > _FLOAT16
    saturated = ~constant & ((at_top >= _SHARE_AT_TOP * len(known)) | beyond)
    # Different rows have different projections on a random direction, but for accidents of rounding; equal
    # rows may differ in the last digits.
    direction = np.random.default_rng(0).normal(size=(dimensions,))
    parts = [(known[start : start + _ROWS] - low) @ direction for start in range(0, len(known), _ROWS)]
    projected = np.concatenate(parts)
    different = len(np.unique(np.round(projected / max(np.abs(projected).max(), 1e-300), 11)))
    return {
        **facts,
        "different": different,
        "constant": int(constant.sum()),
        "saturated": int(saturated.sum()),
    }

"""Kernel matrices of a fold, as LIBSVM computes and caches them."""

from typing import Any

import numpy as np

#: So many rows can afford their products in double precision, as LIBSVM computes them.
PRECISE_ROWS = 8192
_ROWS_AT_ONCE = 1024


class Kernels:
    """The products of a fold's rows, and from them kernel matrices in single precision.

    Parameters
    ----------
    X : float array, shape (n, d)
        Training rows.
    held : float array, shape (m, d)
        Held-out rows.
    variance : float
        Of all numbers in the training rows, for gamma `scale`.
    """

    def __init__(self, X: np.ndarray, held: np.ndarray, variance: float):
        self.variance = variance
        precise = len(X) <= PRECISE_ROWS
        dtype: Any = np.float64 if precise else np.float32
        self.X, self.held = X.astype(dtype), held.astype(dtype)
        self.products = self.X @ self.X.T
        self.held_products = self.held @ self.X.T
        self.squares = (self.X.astype(np.float64) ** 2).sum(axis=1)
        self.held_squares = (self.held.astype(np.float64) ** 2).sum(axis=1)

    def matrices(self, kernel: str, gamma: float | str | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the kernel of training rows with themselves, and of held-out with training rows."""
        if kernel == "linear":
            return self.products.astype(np.float32), self.held_products
        value = gamma_value(gamma, self.X.shape[1], self.variance)
        return (
            _rbf(self.products, self.squares, self.squares, value, np.float32),
            _rbf(self.held_products, self.held_squares, self.squares, value, self.products.dtype),
        )


def _rbf(products: np.ndarray, left: np.ndarray, right: np.ndarray, gamma: float, dtype: Any) -> np.ndarray:
    out = np.empty(products.shape, dtype)
    for start in range(0, len(products), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        block = products[rows] * products.dtype.type(2 * gamma)
        block -= (gamma * left[rows]).astype(products.dtype)[:, None]
        block -= (gamma * right).astype(products.dtype)
        np.minimum(block, 0, out=block)
        np.exp(block, out=block)
        out[rows] = block
    if products.shape[0] == products.shape[1] and left is right:
        np.fill_diagonal(out, 1)
    return out


def gamma_value(gamma: Any, d: int, variance: float) -> float:
    """Return a gamma as a number: `scale` and `auto` are scikit-learn's."""
    if gamma == "scale":
        return 1.0 / (d * variance) if variance else 1.0
    return 1.0 / d if gamma == "auto" else float(gamma)

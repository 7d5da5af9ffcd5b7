"""SVM: one distance matrix per fold, exponentiated once per gamma, shared by every C."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from classifiers.search.paths.base import Fold, Path, Response

# A run of this many steps per row is left to LIBSVM: rounding has had time to lead elsewhere.
_STEPS_PER_ROW = 1000
_ROWS_AT_ONCE = 1024
# So many rows can afford their products in double precision, as LIBSVM computes them.
_PRECISE_ROWS = 8192


class SVMPath(Path):
    """C-SVM with an RBF or linear kernel over kernel, gamma and C.

    The products of the rows are computed once per fold; the kernel matrix once per gamma, in single
    precision, as LIBSVM caches it. Where it would not fit into the memory budget, the settings are
    left to the library, which computes the kernel a few rows at a time.
    """

    along = frozenset({"C", "gamma", "kernel"})
    understood = frozenset(
        {
            "C", "cache_size", "class_weight", "coef0", "decision_function_shape", "degree", "gamma",
            "kernel", "random_state", "tol",
        }
    )  # fmt: skip

    def can_answer(self, model: Any) -> bool:
        """Two classes, linear or RBF kernel, whose matrix fits into memory."""
        return (
            len(self.problem.classes) == 2
            and model.kernel in ("linear", "rbf")
            and model.tol > 0
            and np.isfinite(model.C)
            and self.bytes_per_call(1) <= self.problem.memory_bytes
        )

    def bytes_per_call(self, threads: int) -> int:
        """Products and one kernel matrix per thread, of training and of held-out rows."""
        n, d = self.problem.X.shape
        products = 8 if self.problem.train_rows <= _PRECISE_ROWS else 4
        return n * self.problem.train_rows * (products + 4 * threads) + 24 * n * d

    def run(self, fold: Fold, models: Sequence[Any]) -> tuple[list[Response | None], int]:
        """See `Path.run`."""
        from classifiers.search.solvers import smo

        X, codes, held = self.problem.rows(fold)
        variance = float(X.astype(np.float64).var())
        # LIBSVM's order and signs: the first class first, as +1. Ties fall as they do there.
        order = np.argsort(codes, kind="stable")
        X, codes = X[order], codes[order]
        kernels = _Kernels(X, held, variance)
        y = np.where(codes == 0, 1.0, -1.0)
        weights = self.problem.class_weights(models[0].class_weight, fold)[codes]
        groups: dict[tuple[Any, ...], list[int]] = {}
        for position, model in enumerate(models):
            gamma = model.gamma if model.kernel == "rbf" else None
            groups.setdefault((model.kernel, gamma), []).append(position)
        responses: list[Response | None] = [None] * len(models)

        def solve_group(key: tuple[Any, ...], positions: list[int]) -> None:
            K, K_held = kernels.matrices(*key)
            diagonal = kernels.squares if key[0] == "linear" else np.ones(len(y))
            for position in positions:
                cost, tol = float(models[position].C) * weights, float(models[position].tol)
                coefficients, rho, _, converged = smo.solve(
                    K, diagonal, y, cost, tol, _STEPS_PER_ROW * len(y)
                )
                if converged:
                    decision = rho - K_held @ coefficients
                    responses[position] = Response(decision, zero_is_positive=True)

        with ThreadPoolExecutor(self.problem.threads) as pool:
            # The kernel with the most settings first, so that no thread is left with it at the end.
            longest = sorted(groups.items(), key=lambda group: (group[0][0] != "linear", -len(group[1])))
            list(pool.map(lambda group: solve_group(*group), longest))
        return responses, len(models)

    def is_batched(self) -> bool:
        """See `Path.is_batched`."""
        return self.problem.device in ("cuda", "cpu-torch")

    def run_batched(
        self, folds: Sequence[Fold], models: Sequence[Any]
    ) -> tuple[list[list[Response | None]], int]:
        """See `Path.run_batched`: as many kernel matrices at a time as fit into memory."""
        from classifiers.search.paths.svm_batched import solve_all

        return solve_all(self.problem, folds, models), len(folds) * len(models)


class _Kernels:
    """The products of a fold's rows, and from them kernel matrices in single precision."""

    def __init__(self, X: np.ndarray, held: np.ndarray, variance: float):
        self.variance = variance
        precise = len(X) <= _PRECISE_ROWS
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

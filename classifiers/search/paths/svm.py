"""SVM: one distance matrix a fold, exponentiated once a gamma, shared by every C."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.svm import SVC
from sklearn.utils import compute_class_weight

from classifiers.search.paths.base import Cell, Fold, Path, Response, by_code
from classifiers.search.solvers import linear_svm, smo
from classifiers.search.solvers.batched import free_bytes, torch_device
from classifiers.search.solvers.batched import svm as interior_point

# A linear kernel at a large C needs millions of small steps; past this many a row the interior point
# method, whose steps do not depend on C, is faster.
_STEPS_PER_ROW = 25
_ROWS_AT_ONCE = 1024
# So many rows can afford their products in double precision, as LIBSVM computes them.
_PRECISE_ROWS = 8192


class SVMPath(Path):
    """C-SVM with an RBF or linear kernel over kernel, gamma and C.

    The products of the rows are computed once a fold; the kernel matrix once a gamma, in single
    precision, as LIBSVM caches it. Where it would not fit into the memory budget, the settings are
    left to the solver, which computes the kernel a few rows at a time.
    """

    along = frozenset({"C", "gamma", "kernel"})

    @classmethod
    def knows(cls, model: BaseEstimator) -> bool:
        """Tell whether `model` is scikit-learn's SVC."""
        return type(model) is SVC

    def takes(self, cell: Cell) -> bool:
        """Two classes, linear or RBF kernel, whose matrix fits into memory."""
        return (
            len(self.problem.classes) == 2
            and self.value(cell, "kernel") in ("linear", "rbf")
            and self.value(cell, "probability") in (False, "deprecated")
            and self.value(cell, "max_iter") == -1
            and bool(self.value(cell, "shrinking"))
            and self.bytes_per_call(1) <= self.problem.memory_bytes
        )

    def bytes_per_call(self, threads: int) -> int:
        """Products and one kernel matrix a thread, of training and of held-out rows."""
        n, d = self.problem.X.shape
        products = 8 if self.problem.train_rows <= _PRECISE_ROWS else 4
        return n * self.problem.train_rows * (products + 4 * threads) + 24 * n * d

    def run(self, fold: Fold, cells: Sequence[Cell]) -> tuple[list[Response], int]:
        """See `Path.run`."""
        X, codes, held = self.problem.rows(fold)
        # LIBSVM's order and signs: the first class first, as +1. Ties fall as they do there.
        order = np.argsort(codes, kind="stable")
        X, codes = X[order], codes[order]
        kernels = _Kernels(X, held)
        y = np.where(codes == 0, 1.0, -1.0)
        groups: dict[tuple[Any, ...], list[int]] = {}
        for position, cell in enumerate(cells):
            gamma = self.value(cell, "gamma") if self.value(cell, "kernel") == "rbf" else None
            groups.setdefault((self.value(cell, "kernel"), gamma), []).append(position)
        responses: list[Response] = [Response()] * len(cells)

        def solve_group(key: tuple[Any, ...], positions: list[int]) -> None:
            K, K_held = kernels.matrices(*key)
            for position in positions:
                coefficients, rho = self._solve(K, y, codes, cells[position], X, key[0] == "linear")
                responses[position] = Response(decision=rho - K_held @ coefficients)

        with ThreadPoolExecutor(self.problem.threads) as pool:
            # The kernel with the most settings first, so that no thread is left with it at the end.
            longest = sorted(groups.items(), key=lambda group: (group[0][0] != "linear", -len(group[1])))
            list(pool.map(lambda group: solve_group(*group), longest))
        return responses, len(cells)

    def is_batched(self) -> bool:
        """See `Path.is_batched`."""
        return torch_device(self.problem.device) is not None

    def run_batched(self, folds: Sequence[Fold], cells: Sequence[Cell]) -> tuple[list[list[Response]], int]:
        """See `Path.run_batched`: as many kernel matrices at a time as fit into memory."""
        device = torch_device(self.problem.device)
        assert device is not None
        n = max(len(fold.train) for fold in folds)
        most = max(1, free_bytes(device, self.problem.memory_bytes) // (4 * 8 * n * n))
        answers: dict[tuple[int, int], Response] = {}
        pending = [(number, position) for number in range(len(folds)) for position in range(len(cells))]
        for start in range(0, len(pending), most):
            self._solve_together(folds, cells, pending[start : start + most], n, device, answers)
        by_fold = [[answers[f, c] for c in range(len(cells))] for f in range(len(folds))]
        return by_fold, len(pending)

    def _solve_together(
        self, folds: Sequence[Fold], cells: Sequence[Cell], pairs: list[tuple[int, int]], n: int,
        device: torch.device, answers: dict[tuple[int, int], Response],
    ) -> None:  # fmt: skip
        K = torch.zeros(len(pairs), n, n, dtype=torch.float64, device=device)
        y, linear = (torch.zeros(len(pairs), n, dtype=torch.float64, device=device) for _ in range(2))
        cost, held = torch.ones_like(y), []
        fold_rows: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        for row, (number, position) in enumerate(pairs):
            if number not in fold_rows:
                train, codes, test = self.problem.rows(folds[number])
                fold_rows = {number: (_on(train, device), _on(test, device))}
            X, X_held = fold_rows[number]
            cell, size = cells[position], len(X)
            gamma = self.value(cell, "gamma") if self.value(cell, "kernel") == "rbf" else None
            K[row, :size, :size] = _torch_kernel(X, X, X, gamma)
            held.append(_torch_kernel(X_held, X, X, gamma))
            y[row, :size] = _on(np.where(codes == 0, 1.0, -1.0), device)
            linear[row, :size] = 1
            cost[row, :size] = _on(self._cost(cell, codes), device)
        tol = min(float(self.value(cell, "tol")) for cell in cells)
        coefficients, rho = interior_point.solve(K, y, linear, cost, tol)
        for row, pair in enumerate(pairs):
            decision = rho[row] - held[row] @ coefficients[row, : held[row].shape[1]]
            answers[pair] = Response(decision=decision.cpu().numpy())

    def _cost(self, cell: Cell, codes: np.ndarray) -> np.ndarray:
        """Return the upper bound of each row's coefficient."""
        weight = by_code(self.value(cell, "class_weight"), self.problem.classes)
        return (
            float(self.value(cell, "C")) * compute_class_weight(weight, classes=np.arange(2), y=codes)[codes]
        )

    def _solve(
        self, K: np.ndarray, y: np.ndarray, codes: np.ndarray, cell: Cell, X: np.ndarray, linear: bool
    ) -> tuple[np.ndarray, float]:
        tol, cost = float(self.value(cell, "tol")), self._cost(cell, codes)
        most = _STEPS_PER_ROW * len(y) if linear else np.iinfo(np.int64).max
        coefficients, rho, _, converged = smo.solve(K, y, cost, tol, most)
        if converged:
            return coefficients, rho
        return linear_svm.solve(np.asarray(X, np.float64), y, cost, tol)


class _Kernels:
    """The products of a fold's rows, and from them kernel matrices in single precision."""

    def __init__(self, X: np.ndarray, held: np.ndarray):
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
        value = _gamma(gamma, self.X.shape[1], float(self.X.var(dtype=np.float64)))
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


def _gamma(gamma: Any, d: int, variance: float) -> float:
    """Return a gamma as a number: `scale` and `auto` are scikit-learn's."""
    if gamma == "scale":
        return 1.0 / (d * variance)
    return 1.0 / d if gamma == "auto" else float(gamma)


def _torch_kernel(left: torch.Tensor, right: torch.Tensor, train: torch.Tensor, gamma: Any) -> torch.Tensor:
    """Return the RBF kernel of two sets of rows, the linear one where gamma is None."""
    products = left @ right.mT
    if gamma is None:
        return products
    value = _gamma(gamma, train.shape[1], float(train.var(correction=0)))
    squares = (left * left).sum(dim=1)[:, None] + (right * right).sum(dim=1)
    return torch.exp(-value * (squares - 2 * products).clamp_min(0))


def _on(values: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.as_tensor(values.astype(np.float64), device=device)

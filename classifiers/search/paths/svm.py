"""SVM: one distance matrix per fold, exponentiated once per gamma, shared by every C."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from classifiers.search.paths.base import Fold, Path, Response
from classifiers.search.solvers.kernels import PRECISE_ROWS, Kernels

# The steps are LIBSVM's, at most three times as slow on few rows. A run of more of them per row than
# this is left to LIBSVM, which can be interrupted and sets no limit of its own.
_STEPS_PER_ROW = 100_000


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
        products = 8 if self.problem.train_rows <= PRECISE_ROWS else 4
        return n * self.problem.train_rows * (products + 4 * threads) + 24 * n * d

    def run(self, fold: Fold, models: Sequence[Any]) -> tuple[list[Response | None], int]:
        """See `Path.run`."""
        from classifiers.search.solvers import smo

        X, codes, held = self.problem.rows(fold)
        variance = float(X.astype(np.float64).var())
        # LIBSVM's order and signs: the first class first, as +1. Ties fall as they do there.
        order = np.argsort(codes, kind="stable")
        X, codes = X[order], codes[order]
        kernels = Kernels(X, held, variance)
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

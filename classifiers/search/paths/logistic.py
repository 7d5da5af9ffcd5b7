"""Logistic regression: one warm-started path from strong to weak regularisation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import qr
from scipy.special import expit

from classifiers.search.paths.base import Fold, Path, Response, StepAside
from classifiers.search.solvers.newton import NewtonPath

# Newton's method needs a matrix of the smaller side of X squared.
_LARGEST_SIDE = 4096
_TOLERANCE = 1e-8
# The library's solver must have room to converge, or it stops early and warns.
_LEAST_STEPS = 50
# Of the decision values' size: how far the library may stop from the optimum.
_CLOSE = 1e-4
# Times the rounding of the data: what a condition or a tolerance must keep away from, or the library's
# solver gives up on Newton's method and warns.
_ROUNDING_STEPS = 10
_ROWS_TO_CHECK = 64


class LogisticPath(Path):
    """Logistic regression over C: two classes, L2 penalty, scikit-learn's `newton-cholesky` solver.

    Each optimum starts the next, found by Newton's method. The library stops where the gradient is
    under `tol`; how far from the optimum that may be follows from the Hessian. Where it is more than a
    relative 1e-4 of the decision values, or where the Hessian is so ill-conditioned that the library's
    solver may warn, the cell is left to the library. First-order solvers at their usual tolerances
    stop further away and are left to the library too.
    """

    along = frozenset({"C"})
    understood = frozenset(
        {"C", "class_weight", "fit_intercept", "l1_ratio", "max_iter", "random_state", "solver", "tol"}
    )

    def can_answer(self, model: Any) -> bool:
        """An L2 penalty and the solver whose answers are near the optimum."""
        return (
            len(self.problem.classes) == 2
            and model.solver == "newton-cholesky"
            and model.l1_ratio == 0
            and np.isfinite(model.C)
            and model.max_iter >= _LEAST_STEPS
            and min(self.problem.X.shape[1], self.problem.train_rows) <= _LARGEST_SIDE
        )

    def run(self, fold: Fold, models: Sequence[Any]) -> tuple[list[Response | None], int]:
        """See `Path.run`."""
        X, codes, held = self.problem.rows(fold)
        model, rounding = models[0], float(np.finfo(X.dtype).eps)
        if model.tol < _least_tolerance(X):
            raise StepAside("the tolerance is within the rounding of the data")
        weight = self.problem.class_weights(model.class_weight, fold)[codes]
        X, held = _reduce(X.astype(np.float64), held.astype(np.float64))
        path = NewtonPath(X, 2.0 * codes - 1, weight, intercept=model.fit_intercept, tol=_TOLERANCE)
        rows = np.column_stack([held, np.ones(len(held))])
        checked = rows[np.argsort(-(rows**2).sum(axis=1))[:_ROWS_TO_CHECK]]
        responses: list[Response | None] = [None] * len(models)
        for position in np.argsort([each.C for each in models]):
            optimum = path.advance(float(models[position].C))
            if optimum is None:
                continue
            decision = rows @ optimum.weights
            # Any gradient under `tol` stops the library; so far does one move the decision values.
            spread = optimum.spread(checked) * (model.tol + _TOLERANCE)
            sure = spread <= _CLOSE * np.abs(decision).max()
            if sure and optimum.reciprocal_condition() > _ROUNDING_STEPS * rounding:
                responses[position] = _respond(decision)
        return responses, len(models)

    def is_batched(self) -> bool:
        """See `Path.is_batched`."""
        return self.problem.device in ("cuda", "cpu-torch")

    def run_batched(
        self, folds: Sequence[Fold], models: Sequence[Any]
    ) -> tuple[list[list[Response | None]], int]:
        """See `Path.run_batched`."""
        import torch

        from classifiers.search.solvers.batched import torch_device
        from classifiers.search.solvers.batched.logistic import solve

        model, device = models[0], torch_device(self.problem.device)
        parts = [self.problem.rows(fold) for fold in folds]
        n = max(len(X) for X, _, _ in parts)
        X, y, weight = [], [], []
        for fold, (rows, codes, _) in zip(folds, parts, strict=True):
            fill = n - len(rows)
            X.append(np.pad(_with_ones(rows, model.fit_intercept), ((0, fill), (0, 0))))
            y.append(np.pad(2.0 * codes - 1, (0, fill)))
            by_class = self.problem.class_weights(model.class_weight, fold)
            weight.append(np.pad(by_class[codes], (0, fill)))
        rows_of, signs, shares = (torch.as_tensor(np.stack(each), device=device) for each in (X, y, weight))
        C = torch.tensor([float(each.C) for each in models], dtype=torch.float64, device=device)
        weights, converged = solve(rows_of, signs, shares, C, model.fit_intercept, _TOLERANCE)
        by_fold: list[list[Response | None]] = []
        for number, (_, _, held) in enumerate(parts):
            asked = torch.as_tensor(_with_ones(held, model.fit_intercept), device=device)
            decisions = (weights[number] @ asked.mT).cpu().numpy()
            sure = converged[number].cpu().numpy()
            by_fold.append([_respond(each) if ok else None for each, ok in zip(decisions, sure, strict=True)])
        return by_fold, len(folds) * len(models)


def _least_tolerance(X: np.ndarray) -> float:
    """Return the smallest gradient that rounding lets the library reach."""
    size = float(np.sqrt(np.square(X, dtype=np.float64).mean()))
    return 2 * float(np.finfo(X.dtype).eps) * max(1.0, size)


def _reduce(X: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotate rows of more columns than there are rows into the space that the training rows span.

    The optimum lies in that space, so the problem is the same with n columns in place of d.
    """
    if X.shape[1] <= len(X):
        return X, held
    basis, triangle = qr(X.T, mode="economic", check_finite=False)
    return triangle.T, held @ basis


def _with_ones(rows: np.ndarray, intercept: bool) -> np.ndarray:
    rows = rows.astype(np.float64)
    return np.column_stack([rows, np.ones(len(rows))]) if intercept else rows


def _respond(decision: np.ndarray) -> Response:
    positive = expit(decision)
    return Response(decision, np.stack([1 - positive, positive], axis=1))

"""Binary logistic regression along C by Newton's method with Hessians in single precision."""

from collections.abc import Sequence

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.blas import dsyrk, ssyrk
from scipy.special import expit

TOLERANCE = 1e-8
_MOST_STEPS = 200
#: A step with an old Hessian is worth it while it divides the gradient by this at least.
_GOOD_STEP = 3.0


class NotConverged(RuntimeError):
    """Newton's method did not reach the optimum."""


def solve_path(
    X: np.ndarray, y: np.ndarray, weight: np.ndarray, C: Sequence[float], *, intercept: bool = True
) -> np.ndarray:
    """Minimise sum_i weight_i log(1 + exp(-y_i (x_i w + b))) + |w|^2 / (2 C) for each C.

    Each optimum starts the next, from strong to weak regularisation. The gradient is computed in double
    precision and decides when to stop, so the optimum is exact; the Hessian only says where to step, so
    single precision will do for it, and an old one does as long as the steps it gives are good.

    Parameters
    ----------
    X : float array, shape (n, d)
    y : array of -1 and 1, shape (n,)
    weight : float array, shape (n,)
    C : sequence of float
        Any order.
    intercept : bool
        Whether there is a b, which is not penalised.

    Returns
    -------
    float64 array, shape (len(C), d + 1)
        w and b (0 without one) of each C, in the order given.

    Raises
    ------
    NotConverged
        When 200 steps do not bring the largest entry of the gradient, over the sum of the weights,
        under 1e-8.
    """
    n, d = X.shape
    rows = np.ones((n, d + 1)) if intercept else np.zeros((n, d + 1))
    rows[:, :d] = X
    problem = _Problem(rows, np.asarray(y, float), np.asarray(weight, float), intercept)
    solutions = np.zeros((len(C), d + 1))
    w = np.zeros(d + 1)
    for position in np.argsort(C):
        w = problem.minimise(w, 1 / float(C[position]))
        solutions[position] = w
    return solutions


class _Problem:
    def __init__(self, rows: np.ndarray, y: np.ndarray, weight: np.ndarray, intercept: bool):
        self.rows, self.y, self.weight = rows, y, weight
        self.single = rows.astype(np.float32)
        self.penalised = np.ones(rows.shape[1])
        self.penalised[-1] = 0.0
        self.intercept = intercept
        self.scale = float(weight.sum())

    def minimise(self, w: np.ndarray, penalty: float) -> np.ndarray:
        factor = None
        loss, gradient, margin = self._evaluate(w, penalty)
        size = np.abs(gradient).max()
        for _ in range(_MOST_STEPS):
            if size <= TOLERANCE * self.scale:
                return w
            fresh = factor is None
            if factor is None:
                factor = self._factor(margin, penalty)
            step = -cho_solve(factor, gradient, check_finite=False)
            if not self.intercept:
                step[-1] = 0.0
            found = self._search(w, step, loss, gradient, penalty)
            if found is None:
                if fresh:
                    break
                factor = None
                continue
            w, loss, gradient, margin = found
            before, size = size, np.abs(gradient).max()
            if size * _GOOD_STEP > before:
                factor = None
        if size <= 100 * TOLERANCE * self.scale:
            # As near as double precision gets: no step lowers the loss any more.
            return w
        raise NotConverged(f"gradient {size / self.scale:.1e} after {_MOST_STEPS} steps")

    def _evaluate(self, w: np.ndarray, penalty: float) -> tuple[float, np.ndarray, np.ndarray]:
        margin = self.y * (self.rows @ w)
        shrunk = penalty * self.penalised * w
        loss = float(self.weight @ np.logaddexp(0, -margin) + 0.5 * shrunk @ w)
        gradient = self.rows.T @ (-self.weight * self.y * expit(-margin)) + shrunk
        if not self.intercept:
            gradient[-1] = 0.0
        return loss, gradient, margin

    def _factor(self, margin: np.ndarray, penalty: float) -> tuple[np.ndarray, bool]:
        positive = expit(margin)
        curvature = np.sqrt(self.weight * positive * (1 - positive))
        for dtype, rows, product in ((np.float32, self.single, ssyrk), (np.float64, self.rows, dsyrk)):
            scaled = rows * curvature[:, None].astype(dtype)
            hessian = product(1.0, scaled.T, lower=1).astype(np.float64)
            diagonal = np.einsum("ii->i", hessian)
            diagonal += penalty * self.penalised
            # The intercept alone has no penalty to keep its entry from zero.
            diagonal[-1] += max(1e-10 * self.scale, 0.0 if self.intercept else 1.0)
            try:
                return cho_factor(hessian, lower=True, overwrite_a=True, check_finite=False)
            except LinAlgError:
                continue
        raise NotConverged("the Hessian is not positive definite")

    def _search(
        self, w: np.ndarray, step: np.ndarray, loss: float, gradient: np.ndarray, penalty: float
    ) -> tuple[np.ndarray, float, np.ndarray, np.ndarray] | None:
        """Go along the step, or a part of it that lowers the loss; None when there is none."""
        slope = float(gradient @ step)
        if slope >= 0:
            return None
        share = 1.0
        for _ in range(30):
            new = w + share * step
            new_loss, new_gradient, margin = self._evaluate(new, penalty)
            if new_loss <= loss + 1e-4 * share * slope or (
                # Near the optimum the loss no longer tells; the gradient does.
                new_loss <= loss + 1e-12 * abs(loss) and np.abs(new_gradient).max() < np.abs(gradient).max()
            ):
                return new, new_loss, new_gradient, margin
            share *= 0.5
        return None

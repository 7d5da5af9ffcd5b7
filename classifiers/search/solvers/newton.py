"""Binary logistic regression along C by Newton's method with Hessians in single precision."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.blas import dsyrk, ssyrk
from scipy.linalg.lapack import dpocon
from scipy.special import expit

_STEP_LIMIT = 200
#: A step with an old Hessian is worth it while it divides the gradient by this at least.
_GOOD_STEP = 3.0


@dataclass(frozen=True, eq=False)
class Optimum:
    """The minimum at one C, and the curvature there.

    Parameters
    ----------
    weights : float64 array, shape (d + 1,)
        w and b (0 without an intercept).
    factor : (float64 array, bool)
        Cholesky factor of the Hessian of the summed loss.
    norm : float
        Largest column sum of the Hessian.
    first_norm : float
        The same of the Hessian at 0, where a solver without a start begins.
    scale : float
        Sum of the weights of the rows.
    """

    weights: np.ndarray
    factor: tuple[np.ndarray, bool]
    norm: float
    first_norm: float
    scale: float

    def spread(self, rows: np.ndarray) -> float:
        """Return how far decision values move per unit of a mean gradient of independent entries."""
        moved = cho_solve(self.factor, rows.T, check_finite=False)
        return self.scale * float(np.sqrt((moved**2).sum(axis=0)).max())

    def reciprocal_condition(self) -> float:
        """Estimate the smallest reciprocal condition that a solver meets on its way."""
        found, _ = dpocon(self.factor[0], self.norm, uplo="L")
        return float(found) * min(1.0, self.norm / self.first_norm)


class NewtonPath:
    """Minimises sum_i weight_i log(1 + exp(-y_i (x_i w + b))) + |w|^2 / (2 C) along increasing C.

    Each optimum starts the next, from strong to weak regularisation. The gradient is computed in double
    precision and decides when to stop, so the optimum is exact; the Hessian only says where to step, so
    single precision is enough for it, and an old one is as long as the steps it gives are good.

    Parameters
    ----------
    X : float64 array, shape (n, d)
    y : array of -1 and 1, shape (n,)
    weight : float64 array, shape (n,)
    intercept : bool
        Whether there is a b, which is not penalised.
    tol : float
        Largest entry of the gradient over the sum of the weights at which to stop.
    """

    def __init__(
        self, X: np.ndarray, y: np.ndarray, weight: np.ndarray, *, intercept: bool = True, tol: float = 1e-8
    ):
        n, d = X.shape
        self.rows = np.ones((n, d + 1)) if intercept else np.zeros((n, d + 1))
        self.rows[:, :d] = X
        self.y, self.weight = np.asarray(y, float), np.asarray(weight, float)
        self.single = self.rows.astype(np.float32)
        self.penalised = np.ones(d + 1)
        self.penalised[-1] = 0.0
        self.intercept = intercept
        self.tol = tol
        self.scale = float(weight.sum())
        self.w = np.zeros(d + 1)
        self.first_norm = self._factor(np.zeros(n), 0.0, only_norm=True)[1]

    def advance(self, C: float) -> Optimum | None:
        """Return the optimum at C, None when Newton's method does not reach it in 200 steps."""
        penalty = 1 / C
        try:
            w, margin = self._minimise(self.w, penalty)
            factor, norm = self._factor(margin, penalty)
        except LinAlgError:
            return None
        if w is None or factor is None:
            return None
        self.w = w
        return Optimum(w, factor, norm, self.first_norm + penalty, self.scale)

    def _minimise(self, w: np.ndarray, penalty: float) -> tuple[np.ndarray | None, np.ndarray]:
        factor = None
        loss, gradient, margin = self._evaluate(w, penalty)
        size = np.abs(gradient).max()
        for _ in range(_STEP_LIMIT):
            if size <= self.tol * self.scale:
                return w, margin
            fresh = factor is None
            if factor is None:
                factor = self._factor(margin, penalty)[0]
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
        return None, margin

    def _evaluate(self, w: np.ndarray, penalty: float) -> tuple[float, np.ndarray, np.ndarray]:
        margin = self.y * (self.rows @ w)
        shrunk = penalty * self.penalised * w
        loss = float(self.weight @ np.logaddexp(0, -margin) + 0.5 * shrunk @ w)
        gradient = self.rows.T @ (-self.weight * self.y * expit(-margin)) + shrunk
        if not self.intercept:
            gradient[-1] = 0.0
        return loss, gradient, margin

    def _factor(
        self, margin: np.ndarray, penalty: float, only_norm: bool = False
    ) -> tuple[tuple[np.ndarray, bool] | None, float]:
        """Return the Cholesky factor of the Hessian and its 1-norm; `LinAlgError` when it is singular."""
        positive = expit(margin)
        curvature = np.sqrt(self.weight * positive * (1 - positive))
        for dtype, rows, product in ((np.float32, self.single, ssyrk), (np.float64, self.rows, dsyrk)):
            scaled = rows * curvature[:, None].astype(dtype)
            hessian = product(1.0, scaled.T, lower=1).astype(np.float64)
            diagonal = np.einsum("ii->i", hessian)
            diagonal += penalty * self.penalised
            # The intercept alone has no penalty to keep its entry from zero.
            diagonal[-1] += max(1e-10 * self.scale, 0.0 if self.intercept else 1.0)
            size = np.abs(hessian)
            norm = float((size.sum(axis=0) + size.sum(axis=1) - diagonal).max())
            if only_norm:
                return None, norm
            try:
                return cho_factor(hessian, lower=True, overwrite_a=True, check_finite=False), norm
            except LinAlgError:
                continue
        raise LinAlgError("the Hessian is not positive definite")

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

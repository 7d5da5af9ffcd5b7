"""The linear SVM's dual by an interior point method, whose steps do not grow with C."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

_MOST_STEPS = 200
_MOST_RIDGES = 8


def solve(X: np.ndarray, y: np.ndarray, cost: np.ndarray, tol: float) -> tuple[np.ndarray, float]:
    """Solve min 1/2 |sum_i a_i y_i x_i|^2 - sum(a), 0 <= a <= cost, y'a = 0.

    A primal-dual predictor-corrector method. The Hessian has the rank of `X`, so a step costs one
    d x d factorisation.

    Parameters
    ----------
    X : float64 array, shape (n, d)
    y : float64 array, shape (n,)
        1 and -1.
    cost : float64 array, shape (n,)
        Upper bounds.
    tol : float
        Violation of the optimality conditions at which to stop.

    Returns
    -------
    coefficients : float64 array, shape (n,)
        y * a.
    rho : float
        The decision value of x is coefficients @ X @ x - rho.

    References
    ----------
    Ferris and Munson, Interior-point methods for massive support vector machines, SIAM J. Optim. 13,
    2002. Mehrotra, On the implementation of a primal-dual interior point method, SIAM J. Optim. 2, 1992.
    """
    V = X * y[:, None]
    alpha = cost / 2
    low, high, rho = np.ones(len(y)), np.ones(len(y)), 0.0
    scale = max(1.0, float(cost.max()))
    reachable = 0.0
    for _ in range(_MOST_STEPS):
        room = cost - alpha
        dual = V @ (V.T @ alpha) - 1 + rho * y - low + high
        primal = float(y @ alpha)
        gap = (alpha @ low + room @ high) / (2 * len(y))
        size = float(np.abs(dual).max())
        # Rounding keeps the residual from falling much further than so from where it began.
        reachable = reachable or 1e-11 * size
        near = max(0.01 * tol, min(tol, reachable))
        if size < near and abs(primal) < 1e-9 * scale * len(y) and gap < 1e-3 * tol:
            break
        diagonal = low / alpha + high / room
        newton = _Newton(V, diagonal, y)
        predicted = newton.step(dual, primal, alpha * low, room * high, alpha, room, low, high)
        length = _longest(alpha, room, low, high, predicted)
        after = (
            (alpha + length * predicted[0]) @ (low + length * predicted[2])
            + (room - length * predicted[0]) @ (high + length * predicted[3])
        ) / (2 * len(y))
        centre = gap * (after / gap) ** 3
        corrected = newton.step(
            dual, primal,
            alpha * low + predicted[0] * predicted[2] - centre,
            room * high - predicted[0] * predicted[3] - centre,
            alpha, room, low, high,
        )  # fmt: skip
        length = 0.995 * _longest(alpha, room, low, high, corrected)
        alpha = alpha + length * corrected[0]
        rho = rho + length * corrected[1]
        low, high = low + length * corrected[2], high + length * corrected[3]
    # The multiplier of y'a = 0 is minus the bias: decision = w.x + b with b = -rho of LIBSVM.
    snapped = np.where(alpha < 1e-7 * cost, 0.0, np.where(cost - alpha < 1e-7 * cost, cost, alpha))
    return y * snapped, -rho


_Step = tuple[np.ndarray, float, np.ndarray, np.ndarray]


class _Newton:
    """The linear system of one point: (D + VV') with the equality constraint, by Woodbury."""

    def __init__(self, V: np.ndarray, diagonal: np.ndarray, y: np.ndarray):
        self.V, self.diagonal, self.y = V, diagonal, y
        scaled = V / diagonal[:, None]
        inner = scaled.T @ V
        inner.flat[:: len(inner) + 1] += 1.0
        self.factor, self.refinements = _factor(inner)
        self.solved_y = self._solve(y)

    def step(
        self, dual: np.ndarray, primal: float, at_low: np.ndarray, at_high: np.ndarray,
        alpha: np.ndarray, room: np.ndarray, low: np.ndarray, high: np.ndarray,
    ) -> _Step:  # fmt: skip
        """Return the change of (alpha, rho, low, high) for the given residuals."""
        right = -dual - at_low / alpha + at_high / room
        solved = self._solve(right)
        d_rho = float((self.y @ solved + primal) / (self.y @ self.solved_y))
        d_alpha = solved - d_rho * self.solved_y
        d_low = (-at_low - low * d_alpha) / alpha
        d_high = (-at_high + high * d_alpha) / room
        return d_alpha, d_rho, d_low, d_high

    def _solve(self, right: np.ndarray) -> np.ndarray:
        def once(right: np.ndarray) -> np.ndarray:
            first = right / self.diagonal
            return first - self.V @ cho_solve(self.factor, self.V.T @ first) / self.diagonal

        solved = once(right)
        # Refinement wins back what Woodbury loses when the diagonal spans many magnitudes.
        for _ in range(self.refinements):
            left = self.diagonal * solved + self.V @ (self.V.T @ solved)
            solved = solved + once(right - left)
        return solved


def _factor(inner: np.ndarray) -> tuple[tuple[np.ndarray, bool], int]:
    """Factorise, with a ridge where rounding leaves no positive matrix, and say how often to refine."""
    ridge = 0.0
    for _ in range(_MOST_RIDGES):
        try:
            return cho_factor(inner, check_finite=False), 1 if ridge == 0 else 4
        except LinAlgError:
            more = 1e-15 * float(np.trace(inner)) if ridge == 0 else 9 * ridge
            inner.flat[:: len(inner) + 1] += more
            ridge += more
    raise LinAlgError("the interior point method's system is singular")


def _longest(alpha: np.ndarray, room: np.ndarray, low: np.ndarray, high: np.ndarray, step: _Step) -> float:
    """Return the longest step up to 1 that keeps everything positive."""
    d_alpha, _, d_low, d_high = step
    length = 1.0
    for value, change in ((alpha, d_alpha), (room, -d_alpha), (low, d_low), (high, d_high)):
        falling = change < 0
        if falling.any():
            length = min(length, float((-value[falling] / change[falling]).min()))
    return length

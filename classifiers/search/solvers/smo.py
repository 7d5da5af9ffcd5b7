"""The SVM's dual by sequential minimal optimisation on a kernel matrix at hand.

The working set, the shrinking and the stopping rule are those of Fan, Chen and Lin, Working set
selection using second order information for training support vector machines, JMLR 6, 2005, which
LIBSVM follows; so, started from zero, the iterates are LIBSVM's, and its answer at any tolerance is
matched, not only its limit.
"""

import numba
import numpy as np

_TAU = 1e-12


def solve(
    K: np.ndarray, y: np.ndarray, cost: np.ndarray, tol: float, max_iter: int
) -> tuple[np.ndarray, float, int, bool]:
    """Solve min 1/2 a'Qa - sum(a), 0 <= a <= cost, y'a = 0, with Q_ij = y_i y_j K_ij.

    Parameters
    ----------
    K : float32 array, shape (n, n)
        Kernel matrix, C-contiguous.
    y : float64 array, shape (n,)
        1 and -1.
    cost : float64 array, shape (n,)
        Upper bounds.
    tol : float
        Largest violation of the optimality conditions.
    max_iter : int
        Give up after this many steps.

    Returns
    -------
    coefficients : float64 array, shape (n,)
        y * a.
    rho : float
        The decision value of x is sum(coefficients * K(., x)) - rho.
    iterations : int
    converged : bool
    """
    alpha, gradient = np.zeros(len(y)), np.full(len(y), -1.0)
    iterations, converged = _iterate(K, y, cost, alpha, gradient, tol, max_iter)
    return y * alpha, offset(alpha, gradient, y, cost), int(iterations), bool(converged)


def offset(alpha: np.ndarray, gradient: np.ndarray, y: np.ndarray, cost: np.ndarray) -> float:
    """Return rho: the mean over free support vectors, else the middle of what the others allow."""
    signed = y * gradient
    at_upper, at_lower = alpha >= cost, alpha <= 0
    free = ~at_upper & ~at_lower
    if free.any():
        return float(signed[free].mean())
    below = (at_upper & (y < 0)) | (at_lower & (y > 0))
    above = (at_upper & (y > 0)) | (at_lower & (y < 0))
    upper = signed[below].min() if below.any() else np.inf
    lower = signed[above].max() if above.any() else -np.inf
    return float((upper + lower) / 2)


@numba.njit(cache=True, nogil=True)
def _iterate(K, y, cost, alpha, gradient, tol, max_iter):  # type: ignore[no-untyped-def]
    n = len(y)
    active = np.ones(n, dtype=np.bool_)
    diagonal = np.empty(n)
    for t in range(n):
        diagonal[t] = K[t, t]
    unshrunk = False
    period = min(n, 1000)
    counter = period + 1
    iterations = 0
    while iterations < max_iter:
        counter -= 1
        if counter == 0:
            counter = period
            unshrunk = _shrink(y, cost, alpha, gradient, active, tol, unshrunk)
        i, j = _select(K, y, cost, alpha, gradient, diagonal, active, tol)
        if j < 0:
            active[:] = True
            i, j = _select(K, y, cost, alpha, gradient, diagonal, active, tol)
            if j < 0:
                return iterations, True
            counter = 1
        iterations += 1
        _step(K, y, cost, alpha, gradient, diagonal, i, j)
    return iterations, False


@numba.njit(cache=True, nogil=True)
def _select(K, y, cost, alpha, gradient, diagonal, active, tol):  # type: ignore[no-untyped-def]
    """Choose the pair to change: the worst violation, and what gains most together with it."""
    n = len(y)
    worst, i = -np.inf, -1
    for t in range(n):
        if not active[t]:
            continue
        if y[t] > 0:
            if alpha[t] < cost[t] and -gradient[t] >= worst:
                worst, i = -gradient[t], t
        elif alpha[t] > 0 and gradient[t] >= worst:
            worst, i = gradient[t], t
    if i < 0:
        return -1, -1
    row = K[i]
    other, gain, j = -np.inf, np.inf, -1
    for t in range(n):
        if not active[t]:
            continue
        if y[t] > 0:
            if alpha[t] <= 0:
                continue
            value = gradient[t]
        else:
            if alpha[t] >= cost[t]:
                continue
            value = -gradient[t]
        other = max(other, value)
        difference = worst + value
        if difference > 0:
            curvature = diagonal[i] + diagonal[t] - 2.0 * row[t]
            if curvature <= 0:
                curvature = _TAU
            decrease = -(difference * difference) / curvature
            if decrease <= gain:
                gain, j = decrease, t
    if worst + other < tol:
        return -1, -1
    return i, j


@numba.njit(cache=True, nogil=True)
def _step(K, y, cost, alpha, gradient, diagonal, i, j):  # type: ignore[no-untyped-def]
    """Minimise over the pair, within its bounds, and bring the gradient up to date."""
    old_i, old_j = alpha[i], alpha[j]
    curvature = diagonal[i] + diagonal[j] - 2.0 * K[i, j]
    if curvature <= 0:
        curvature = _TAU
    if y[i] != y[j]:
        delta = (-gradient[i] - gradient[j]) / curvature
        difference = old_i - old_j
        new_i, new_j = old_i + delta, old_j + delta
        if difference > 0:
            if new_j < 0:
                new_i, new_j = difference, 0.0
        elif new_i < 0:
            new_i, new_j = 0.0, -difference
        if difference > cost[i] - cost[j]:
            if new_i > cost[i]:
                new_i, new_j = cost[i], cost[i] - difference
        elif new_j > cost[j]:
            new_i, new_j = cost[j] + difference, cost[j]
    else:
        delta = (gradient[i] - gradient[j]) / curvature
        total = old_i + old_j
        new_i, new_j = old_i - delta, old_j + delta
        if total > cost[i]:
            if new_i > cost[i]:
                new_i, new_j = cost[i], total - cost[i]
        elif new_j < 0:
            new_i, new_j = total, 0.0
        if total > cost[j]:
            if new_j > cost[j]:
                new_i, new_j = total - cost[j], cost[j]
        elif new_i < 0:
            new_i, new_j = 0.0, total
    alpha[i], alpha[j] = new_i, new_j
    change_i, change_j = (new_i - old_i) * y[i], (new_j - old_j) * y[j]
    row_i, row_j = K[i], K[j]
    for t in range(len(y)):
        gradient[t] += y[t] * (change_i * row_i[t] + change_j * row_j[t])


@numba.njit(cache=True, nogil=True)
def _shrink(y, cost, alpha, gradient, active, tol, unshrunk):  # type: ignore[no-untyped-def]
    """Leave rows out that will stay at their bound; near the end take all up again, once."""
    n = len(y)
    up, down = -np.inf, -np.inf
    for t in range(n):
        if not active[t]:
            continue
        signed = y[t] * gradient[t]
        if (y[t] > 0 and alpha[t] < cost[t]) or (y[t] < 0 and alpha[t] > 0):
            up = max(up, -signed)
        if (y[t] > 0 and alpha[t] > 0) or (y[t] < 0 and alpha[t] < cost[t]):
            down = max(down, signed)
    if not unshrunk and up + down <= tol * 10:
        unshrunk = True
        active[:] = True
    for t in range(n):
        if not active[t]:
            continue
        if alpha[t] >= cost[t]:
            active[t] = not (-gradient[t] > (up if y[t] > 0 else down))
        elif alpha[t] <= 0:
            active[t] = not (gradient[t] > (down if y[t] > 0 else up))
    return unshrunk

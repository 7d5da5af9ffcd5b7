"""The SVM's dual by sequential minimal optimisation on a kernel matrix at hand.

The working set, the shrinking and the stopping rule are those of Fan, Chen and Lin, Working set
selection using second order information for training support vector machines, JMLR 6, 2005, which
LIBSVM follows. Rows are visited in LIBSVM's order, which shrinking changes, and sums are formed as it
forms them; so, started from zero, the iterates are LIBSVM's, and its answer at any tolerance is
matched, not only its limit.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

_TAU = 1e-12


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function, without a cache on disk where there is no folder to write it to."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)


def solve(
    K: np.ndarray, diagonal: np.ndarray, y: np.ndarray, cost: np.ndarray, tol: float, max_iter: int
) -> tuple[np.ndarray, float, int, bool]:
    """Solve min 1/2 a'Qa - sum(a), 0 <= a <= cost, y'a = 0, with Q_ij = y_i y_j K_ij.

    Parameters
    ----------
    K : float32 array, shape (n, n)
        Kernel matrix, C-contiguous.
    diagonal : float64 array, shape (n,)
        Its diagonal, which LIBSVM keeps in double precision.
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
    iterations, converged = _iterate(K, diagonal, y, cost, alpha, gradient, tol, max_iter)
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


@_compiled
def _iterate(K, diagonal, y, cost, alpha, gradient, tol, max_iter):  # type: ignore[no-untyped-def]
    n = len(y)
    # Active rows come first; `at_bound` is the part of the gradient that rows at their upper bound make.
    order, active = np.arange(n), n
    at_bound = np.zeros(n)
    unshrunk = False
    counter = min(n, 1000) + 1
    iterations = 0
    while iterations < max_iter:
        counter -= 1
        if counter == 0:
            counter = min(n, 1000)
            active, unshrunk = _shrink(K, y, cost, alpha, gradient, at_bound, order, active, tol, unshrunk)
        i, j = _select(K, y, cost, alpha, gradient, diagonal, order, active, tol)
        if j < 0:
            _reconstruct(K, y, cost, alpha, gradient, at_bound, order, active)
            active = n
            i, j = _select(K, y, cost, alpha, gradient, diagonal, order, active, tol)
            if j < 0:
                return iterations, True
            counter = 1
        iterations += 1
        _step(K, y, cost, alpha, gradient, at_bound, diagonal, order, active, i, j)
    _reconstruct(K, y, cost, alpha, gradient, at_bound, order, active)
    return iterations, False


@_compiled
def _select(K, y, cost, alpha, gradient, diagonal, order, active, tol):  # type: ignore[no-untyped-def]
    """Choose the pair to change: the worst violation, and what gains most together with it."""
    worst, i = -np.inf, -1
    for position in range(active):
        t = order[position]
        if y[t] > 0:
            if alpha[t] < cost[t] and -gradient[t] >= worst:
                worst, i = -gradient[t], t
        elif alpha[t] > 0 and gradient[t] >= worst:
            worst, i = gradient[t], t
    if i < 0:
        return -1, -1
    row = K[i]
    other, gain, j = -np.inf, np.inf, -1
    for position in range(active):
        t = order[position]
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


@_compiled
def _step(K, y, cost, alpha, gradient, at_bound, diagonal, order, active, i, j):  # type: ignore[no-untyped-def]
    """Minimise over the pair, within its bounds, and update the gradient of the active rows."""
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
    for position in range(active):
        t = order[position]
        gradient[t] += y[t] * (change_i * row_i[t] + change_j * row_j[t])
    _move_bound(K, y, cost, at_bound, i, old_i >= cost[i], new_i >= cost[i])
    _move_bound(K, y, cost, at_bound, j, old_j >= cost[j], new_j >= cost[j])


@_compiled
def _move_bound(K, y, cost, at_bound, i, was, now):  # type: ignore[no-untyped-def]
    if was != now:
        change = -cost[i] * y[i] if was else cost[i] * y[i]
        row = K[i]
        for t in range(len(y)):
            at_bound[t] += y[t] * (change * row[t])


@_compiled
def _reconstruct(K, y, cost, alpha, gradient, at_bound, order, active):  # type: ignore[no-untyped-def]
    """Compute the gradient of the rows that shrinking has left out."""
    for position in range(active, len(y)):
        t = order[position]
        gradient[t] = at_bound[t] - 1.0
    for position in range(active):
        i = order[position]
        if 0 < alpha[i] < cost[i]:
            row = K[i]
            for other in range(active, len(y)):
                t = order[other]
                gradient[t] += y[t] * (alpha[i] * y[i] * row[t])


@_compiled
def _shrink(K, y, cost, alpha, gradient, at_bound, order, active, tol, unshrunk):  # type: ignore[no-untyped-def]
    """Leave rows out that will stay at their bound; near the end take all up again, once."""
    up, down = -np.inf, -np.inf
    for position in range(active):
        t = order[position]
        signed = y[t] * gradient[t]
        if (y[t] > 0 and alpha[t] < cost[t]) or (y[t] < 0 and alpha[t] > 0):
            up = max(up, -signed)
        if (y[t] > 0 and alpha[t] > 0) or (y[t] < 0 and alpha[t] < cost[t]):
            down = max(down, signed)
    if not unshrunk and up + down <= tol * 10:
        unshrunk = True
        _reconstruct(K, y, cost, alpha, gradient, at_bound, order, active)
        active = len(y)
    position = 0
    while position < active:
        if _is_settled(y, cost, alpha, gradient, order[position], up, down):
            active -= 1
            while active > position:
                if not _is_settled(y, cost, alpha, gradient, order[active], up, down):
                    order[position], order[active] = order[active], order[position]
                    break
                active -= 1
        position += 1
    return active, unshrunk


@_compiled
def _is_settled(y, cost, alpha, gradient, t, up, down):  # type: ignore[no-untyped-def]
    if alpha[t] >= cost[t]:
        return -gradient[t] > (up if y[t] > 0 else down)
    if alpha[t] <= 0:
        return gradient[t] > (down if y[t] > 0 else up)
    return False

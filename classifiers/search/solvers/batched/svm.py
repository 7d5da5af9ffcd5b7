"""The SVM's dual by an interior point method on a batch of kernel matrices."""

import torch

_STEP_LIMIT = 100

_Tensors = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def solve(
    K: torch.Tensor, y: torch.Tensor, linear: torch.Tensor, cost: torch.Tensor, tol: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Solve min 1/2 a'Qa - linear'a, 0 <= a <= cost, y'a = 0, with Q_ij = y_i y_j K_ij, for each problem.

    A row that only fills up a problem has y = 0 and linear = 0: its solution is 0.

    Parameters
    ----------
    K : float64 tensor, shape (problems, n, n)
    y : float64 tensor, shape (problems, n)
        1 and -1.
    linear : float64 tensor, shape (problems, n)
        1, or 0 for rows that fill up.
    cost : float64 tensor, shape (problems, n)
        Upper bounds.
    tol : float
        Violation of the optimality conditions at which to stop.

    Returns
    -------
    coefficients : float64 tensor, shape (problems, n)
        y * a.
    rho : float64 tensor, shape (problems,)
        The decision value of x is sum(coefficients * K(., x)) - rho.
    converged : bool tensor, shape (problems,)
        Whether the conditions hold to `tol` within 100 steps.

    References
    ----------
    Mehrotra, On the implementation of a primal-dual interior point method, SIAM J. Optim. 2, 1992.
    """
    Q = K * y[:, :, None] * y[:, None, :]
    # Rows that fill up need curvature of their own, since y = 0 has wiped theirs out.
    Q.diagonal(dim1=1, dim2=2).add_((y == 0).to(Q.dtype))
    alpha = cost / 2
    low, high = torch.ones_like(alpha), torch.ones_like(alpha)
    rho = torch.zeros(len(y), dtype=y.dtype, device=y.device)
    n = y.shape[1]
    for _ in range(_STEP_LIMIT):
        room = cost - alpha
        dual = (Q @ alpha[..., None])[..., 0] - linear + rho[:, None] * y - low + high
        primal = (y * alpha).sum(dim=1)
        gap = ((alpha * low).sum(dim=1) + (room * high).sum(dim=1)) / (2 * n)
        tight = primal.abs() < 1e-9 * n * cost.amax(dim=1).clamp_min(1)
        done = (dual.abs().amax(dim=1) < 0.01 * tol) & tight & (gap < 1e-4 * tol)
        if done.all():
            break
        system = _System(Q, low / alpha + high / room, y, alpha, room, low, high)
        predicted = system.step(dual, primal, alpha * low, room * high)
        length = _longest(alpha, room, low, high, predicted)[:, None]
        after = (
            (alpha + length * predicted[0]) * (low + length * predicted[2])
            + (room - length * predicted[0]) * (high + length * predicted[3])
        ).sum(dim=1) / (2 * n)
        centre = (gap * (after / gap) ** 3)[:, None]
        corrected = system.step(
            dual, primal,
            alpha * low + predicted[0] * predicted[2] - centre,
            room * high - predicted[0] * predicted[3] - centre,
        )  # fmt: skip
        length = 0.995 * _longest(alpha, room, low, high, corrected) * ~done
        alpha = alpha + length[:, None] * corrected[0]
        rho = rho + length * corrected[1]
        low, high = low + length[:, None] * corrected[2], high + length[:, None] * corrected[3]
    return y * alpha, -rho, done


class _System:
    """The linear systems of one point of every problem, factorised once for both steps."""

    def __init__(
        self, Q: torch.Tensor, diagonal: torch.Tensor, y: torch.Tensor, alpha: torch.Tensor,
        room: torch.Tensor, low: torch.Tensor, high: torch.Tensor,
    ):  # fmt: skip
        self.y, self.alpha, self.room, self.low, self.high = y, alpha, room, low, high
        matrix = Q.clone()
        matrix.diagonal(dim1=1, dim2=2).add_(diagonal + 1e-12)
        self.factor = torch.linalg.cholesky(matrix)
        self.solved_y = self._solve(y)

    def step(
        self, dual: torch.Tensor, primal: torch.Tensor, at_low: torch.Tensor, at_high: torch.Tensor
    ) -> _Tensors:
        """Return the change of (alpha, rho, low, high) for the given residuals."""
        solved = self._solve(-dual - at_low / self.alpha + at_high / self.room)
        d_rho = ((self.y * solved).sum(dim=1) + primal) / (self.y * self.solved_y).sum(dim=1)
        d_alpha = solved - d_rho[:, None] * self.solved_y
        d_low = (-at_low - self.low * d_alpha) / self.alpha
        d_high = (-at_high + self.high * d_alpha) / self.room
        return d_alpha, d_rho, d_low, d_high

    def _solve(self, right: torch.Tensor) -> torch.Tensor:
        return torch.cholesky_solve(right[..., None], self.factor)[..., 0]


def _longest(
    alpha: torch.Tensor, room: torch.Tensor, low: torch.Tensor, high: torch.Tensor, step: _Tensors
) -> torch.Tensor:
    """Return each problem's longest step up to 1 that keeps everything positive."""
    d_alpha, _, d_low, d_high = step
    lengths = [
        torch.where(change < 0, -value / change, torch.inf).amin(dim=1)
        for value, change in ((alpha, d_alpha), (room, -d_alpha), (low, d_low), (high, d_high))
    ]
    return torch.stack(lengths).amin(dim=0).clamp_max(1)

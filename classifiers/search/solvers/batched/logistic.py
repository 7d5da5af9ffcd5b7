"""Binary logistic regression by damped Newton steps, all folds and values of C at once."""

import torch

_STEP_LIMIT = 100
_HALVING_LIMIT = 30


def solve(
    X: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, C: torch.Tensor, intercept: bool, tol: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Minimise sum_i weight_i log(1 + exp(-y_i w.x_i)) + |w|^2 / (2 C) for each fold and C.

    Parameters
    ----------
    X : float64 tensor, shape (folds, n, d)
        The last column is 1 where there is an intercept, which is not regularised.
    y : float64 tensor, shape (folds, n)
        1 and -1.
    weight : float64 tensor, shape (folds, n)
        0 for rows that only fill up a fold.
    C : float64 tensor, shape (cells,)
    intercept : bool
        Whether the last column is the intercept's.
    tol : float
        Largest gradient of the mean loss.

    Returns
    -------
    weights : float64 tensor, shape (folds, cells, d)
    converged : bool tensor, shape (folds, cells)
        Whether the gradient came under `tol` within 100 steps.
    """
    folds, _, d = X.shape
    ridge = (1 / C)[:, None].repeat(1, d)
    if intercept:
        ridge[:, -1] = 0
    w = torch.zeros(folds, len(C), d, dtype=X.dtype, device=X.device)
    total = weight.sum(dim=1)[:, None]
    loss = _loss(X, y, weight, ridge, w)
    for _ in range(_STEP_LIMIT):
        margin = y[:, None] * (w @ X.mT)
        away = torch.sigmoid(-margin) * weight[:, None]
        gradient = ridge * w - (away * y[:, None]) @ X
        # A weight that is not a number must not count as converged.
        open_ = ~(gradient.abs().amax(dim=2) / total <= tol)
        if not open_.any():
            break
        step = torch.zeros_like(w)
        curvature = away * torch.sigmoid(margin)
        for cell in open_.any(dim=0).nonzero().flatten().tolist():
            hessian = X.mT @ (X * curvature[:, cell, :, None])
            diagonal = hessian.diagonal(dim1=1, dim2=2)
            diagonal += ridge[cell] + 1e-12 * diagonal.mean(dim=1, keepdim=True) + 1e-14
            factor = torch.linalg.cholesky(hessian)
            step[:, cell] = torch.cholesky_solve(gradient[:, cell, :, None], factor)[..., 0]
        w, loss = _descend(X, y, weight, ridge, w, loss, step * open_[..., None], gradient)
    return w, ~open_


def _descend(
    X: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, ridge: torch.Tensor, w: torch.Tensor,
    loss: torch.Tensor, step: torch.Tensor, gradient: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Go along each step as far as its loss falls (Armijo's rule)."""
    length = torch.ones_like(loss)
    slope = (gradient * step).sum(dim=2)
    for _ in range(_HALVING_LIMIT):
        tried = w - length[..., None] * step
        new = _loss(X, y, weight, ridge, tried)
        # Near the optimum the fall is smaller than the rounding of the loss.
        poor = new > loss - 1e-4 * length * slope + 1e-13 * loss.abs()
        if not poor.any():
            break
        length = torch.where(poor, length / 2, length)
    return tried, new


def _loss(
    X: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, ridge: torch.Tensor, w: torch.Tensor
) -> torch.Tensor:
    margin = y[:, None] * (w @ X.mT)
    data = (torch.nn.functional.softplus(-margin) * weight[:, None]).sum(dim=2)
    return data + 0.5 * (ridge * w * w).sum(dim=2)

"""The SVM path on a GPU: the interior point method over folds and settings at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from classifiers.search.paths.base import Fold, Problem, Response
from classifiers.search.solvers.batched import free_bytes, torch_device
from classifiers.search.solvers.batched import svm as interior_point
from classifiers.search.solvers.kernels import gamma_value


def solve_all(problem: Problem, folds: Sequence[Fold], models: Sequence[Any]) -> list[list[Response | None]]:
    """Solve every setting on every fold, as many kernel matrices at a time as fit into memory.

    Parameters
    ----------
    problem : Problem
    folds : sequence of Fold
    models : sequence of SVC
        Of one block.

    Returns
    -------
    list of list of Response or None
        For each fold, one for each setting; None where the step limit was reached.
    """
    device = torch_device(problem.device)
    n = max(len(fold.train) for fold in folds)
    at_once = max(1, free_bytes(device, problem.memory_bytes) // (4 * 8 * n * n))
    pairs = [(number, position) for number in range(len(folds)) for position in range(len(models))]
    found: list[Response | None] = []
    for start in range(0, len(pairs), at_once):
        found += _solve(problem, folds, models, pairs[start : start + at_once], n, device)
    return [found[number * len(models) : (number + 1) * len(models)] for number in range(len(folds))]


def _solve(
    problem: Problem, folds: Sequence[Fold], models: Sequence[Any], pairs: list[tuple[int, int]], n: int,
    device: torch.device,
) -> list[Response | None]:  # fmt: skip
    K = torch.zeros(len(pairs), n, n, dtype=torch.float64, device=device)
    y, linear = (torch.zeros(len(pairs), n, dtype=torch.float64, device=device) for _ in range(2))
    cost, held = torch.ones_like(y), []
    rows: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    for place, (number, position) in enumerate(pairs):
        fold, model = folds[number], models[position]
        if number not in rows:
            train, codes, test = problem.rows(fold)
            weights = problem.class_weights(model.class_weight, fold)[codes]
            rows = {number: (_on(train, device), _on(test, device))}
        X, X_held = rows[number]
        size = len(X)
        gamma = model.gamma if model.kernel == "rbf" else None
        K[place, :size, :size] = _kernel(X, X, X, gamma)
        held.append(_kernel(X_held, X, X, gamma))
        y[place, :size] = _on(np.where(codes == 0, 1.0, -1.0), device)
        linear[place, :size] = 1
        cost[place, :size] = _on(float(model.C) * weights, device)
    tol = min(float(model.tol) for model in models)
    coefficients, rho, converged = interior_point.solve(K, y, linear, cost, tol)
    answers: list[Response | None] = []
    for place in range(len(pairs)):
        decision = rho[place] - held[place] @ coefficients[place, : held[place].shape[1]]
        known = bool(converged[place])
        answers.append(Response(decision.cpu().numpy(), zero_is_positive=True) if known else None)
    return answers


def _kernel(left: torch.Tensor, right: torch.Tensor, train: torch.Tensor, gamma: Any) -> torch.Tensor:
    """Return the RBF kernel of two sets of rows, the linear one where gamma is None."""
    products = left @ right.mT
    if gamma is None:
        return products
    value = gamma_value(gamma, train.shape[1], float(train.var(correction=0)))
    squares = (left * left).sum(dim=1)[:, None] + (right * right).sum(dim=1)
    return torch.exp(-value * (squares - 2 * products).clamp_min(0))


def _on(values: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.as_tensor(values.astype(np.float64), device=device)

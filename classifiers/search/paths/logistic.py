"""Logistic regression: one warm-started path from strong to weak regularisation."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils import compute_sample_weight

from classifiers.search.paths.base import Cell, Fold, Path, Response, by_code
from classifiers.search.solvers.batched import torch_device
from classifiers.search.solvers.batched.logistic import solve
from classifiers.search.solvers.newton import solve_path

# Newton needs the d x d Hessian: worth it while that is small beside the rows.
_NEWTON_MOST_WEIGHTS = 4096
_TOLERANCE = 1e-8


class LogisticPath(Path):
    """Logistic regression over C.

    Each fit starts from the optimum of the next stronger regularisation. Where there are many more
    rows than columns it is solved by Newton's method, to a tolerance at which the solver no longer
    shows; a model with an L1 part keeps its own solver.
    """

    along = frozenset({"C"})

    @classmethod
    def knows(cls, model: BaseEstimator) -> bool:
        """Tell whether `model` is scikit-learn's logistic regression."""
        return type(model) is LogisticRegression

    def takes(self, cell: Cell) -> bool:
        """Every solver but liblinear, which regularises the intercept too."""
        return self.value(cell, "solver") != "liblinear" and not self.value(cell, "warm_start")

    def run(self, fold: Fold, cells: Sequence[Cell]) -> tuple[list[Response], int]:
        """See `Path.run`."""
        X, codes, held = self.problem.rows(fold)
        if self._is_newtons(X):
            return self._newton(X, codes, held, cells), len(cells)
        X, held = X.astype(np.float64), held.astype(np.float64)
        order = np.argsort([self.value(cell, "C") for cell in cells])
        model = self.setting(cells[order[0]]).set_params(warm_start=True)
        if not _has_l1(model):
            newton = _is_long(X, len(self.problem.classes))
            model.set_params(
                solver="newton-cholesky" if newton else "lbfgs",
                tol=min(model.tol, _TOLERANCE if newton else 1e-6),
                max_iter=max(model.max_iter, 1000),
            )
        responses: list[Response] = [Response()] * len(cells)
        for position in order:
            model.set_params(C=self.value(cells[position], "C"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X, codes)
            responses[position] = _respond(model.decision_function(held))
        return responses, len(cells)

    def _is_newtons(self, X: np.ndarray) -> bool:
        model = self.problem.model
        plain = not _has_l1(model) and (model.intercept_scaling == 1 or not model.fit_intercept)
        return plain and len(self.problem.classes) == 2 and _is_long(X, 2)

    def _newton(
        self, X: np.ndarray, codes: np.ndarray, held: np.ndarray, cells: Sequence[Cell]
    ) -> list[Response]:
        model = self.setting(cells[0])
        weight = compute_sample_weight(by_code(model.class_weight, self.problem.classes), codes)
        C = [float(self.value(cell, "C")) for cell in cells]
        found = solve_path(X, 2.0 * codes - 1, weight, C, intercept=model.fit_intercept)
        decisions = held.astype(np.float64) @ found[:, :-1].T + found[:, -1]
        return [_respond(decision) for decision in decisions.T]

    def is_batched(self) -> bool:
        """See `Path.is_batched`: two classes and no L1 part, so that Newton's method applies."""
        two = len(self.problem.classes) == 2
        plain = two and not _has_l1(self.problem.model) and self.problem.model.intercept_scaling == 1
        return plain and torch_device(self.problem.device) is not None

    def run_batched(self, folds: Sequence[Fold], cells: Sequence[Cell]) -> tuple[list[list[Response]], int]:
        """See `Path.run_batched`."""
        model, device = self.setting(cells[0]), torch_device(self.problem.device)
        parts = [self.problem.rows(fold) for fold in folds]
        n = max(len(X) for X, _, _ in parts)
        X, y, weight = [], [], []
        for rows, codes, _ in parts:
            fill = n - len(rows)
            X.append(np.pad(_with_ones(rows, model.fit_intercept), ((0, fill), (0, 0))))
            y.append(np.pad(2.0 * codes - 1, (0, fill)))
            by_class = compute_sample_weight(by_code(model.class_weight, self.problem.classes), codes)
            weight.append(np.pad(by_class, (0, fill)))
        stacked = (torch.as_tensor(np.stack(each), device=device) for each in (X, y, weight))
        C = torch.tensor([float(self.value(cell, "C")) for cell in cells], dtype=torch.float64, device=device)
        rows_of, signs, shares = stacked
        weights = solve(rows_of, signs, shares, C, model.fit_intercept, _TOLERANCE)
        by_fold = []
        for number, (_, _, held) in enumerate(parts):
            asked = torch.as_tensor(_with_ones(held, model.fit_intercept), device=device)
            by_fold.append([_respond(each) for each in (weights[number] @ asked.mT).cpu().numpy()])
        return by_fold, len(folds) * len(cells)


def _is_long(X: np.ndarray, classes: int) -> bool:
    """Tell whether there are so many more rows than columns that Newton's method pays."""
    weights = X.shape[1] * (1 if classes == 2 else classes)
    return len(X) >= 2 * X.shape[1] and weights <= _NEWTON_MOST_WEIGHTS


def _with_ones(rows: np.ndarray, intercept: bool) -> np.ndarray:
    rows = rows.astype(np.float64)
    return np.column_stack([rows, np.ones(len(rows))]) if intercept else rows


def _has_l1(model: LogisticRegression) -> bool:
    penalty = getattr(model, "penalty", None)
    return penalty in ("l1", "elasticnet") or bool(model.l1_ratio)


def _respond(decision: np.ndarray) -> Response:
    if decision.ndim == 1:
        positive = expit(decision)
        return Response(decision, np.stack([1 - positive, positive], axis=1))
    return Response(decision, softmax(decision, axis=1))

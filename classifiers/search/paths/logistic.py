"""Logistic regression: one warm-started path from strong to weak regularisation."""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from classifiers.search.paths.base import Cell, Fold, Path, Response

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
        X, held = X.astype(np.float64), held.astype(np.float64)
        order = np.argsort([self.value(cell, "C") for cell in cells])
        model = self.setting(cells[order[0]]).set_params(warm_start=True)
        if not _has_l1(model):
            weights = X.shape[1] * (1 if len(self.problem.classes) == 2 else len(self.problem.classes))
            newton = len(X) >= 2 * X.shape[1] and weights <= _NEWTON_MOST_WEIGHTS
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


def _has_l1(model: LogisticRegression) -> bool:
    penalty = getattr(model, "penalty", None)
    return penalty in ("l1", "elasticnet") or bool(model.l1_ratio)


def _respond(decision: np.ndarray) -> Response:
    if decision.ndim == 1:
        positive = expit(decision)
        return Response(decision, np.stack([1 - positive, positive], axis=1))
    return Response(decision, softmax(decision, axis=1))

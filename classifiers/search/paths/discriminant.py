"""LDA: every shrinkage from one eigendecomposition of a fold's pooled scatter."""

from collections.abc import Sequence
from numbers import Real

import numpy as np
import torch
from scipy.linalg import eigh
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

from classifiers.search.batched import torch_device
from classifiers.search.paths.base import Cell, Fold, Path, Problem, Response


class DiscriminantPath(Path):
    """Linear discriminant analysis over its shrinkage.

    The shrunk covariance (1 - s) S + s tr(S)/d I has the eigenvectors of S for every s, so one
    decomposition serves all. The scatter of all rows is summed once; a fold's is what is left when
    the held-out rows' is taken away, and standardising is a scaling of its rows and columns.
    """

    along = frozenset({"shrinkage"})

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self._whole: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    @classmethod
    def knows(cls, model: BaseEstimator) -> bool:
        """Tell whether `model` is scikit-learn's LDA."""
        return type(model) is LinearDiscriminantAnalysis

    def takes(self, cell: Cell) -> bool:
        """A shrinkage above 0, with a solver that uses the covariance, and priors from the data."""
        shrinkage = self.value(cell, "shrinkage")
        return (
            isinstance(shrinkage, Real)
            and 0 < float(shrinkage) <= 1
            and self.value(cell, "solver") in ("lsqr", "eigen")
            and self.value(cell, "priors") is None
            and self.value(cell, "covariance_estimator") is None
        )

    def bytes_per_call(self, threads: int) -> int:
        """Room for the scatter matrices and the held-out rows."""
        d = self.problem.X.shape[1]
        return 8 * (6 * d * d + self.problem.X.size)

    def run(self, fold: Fold, cells: Sequence[Cell]) -> tuple[list[Response], int]:
        """See `Path.run`."""
        means, priors, scatter, held = self._fold(fold)
        eigenvalues, eigenvectors = eigh(scatter)
        turned, rows = means @ eigenvectors, held @ eigenvectors
        responses = []
        for cell in cells:
            shrinkage = float(self.value(cell, "shrinkage"))
            shrunk = (1 - shrinkage) * eigenvalues + shrinkage * eigenvalues.mean()
            weights = turned / shrunk
            bias = -0.5 * (turned * weights).sum(axis=1) + np.log(priors)
            responses.append(_respond(rows @ weights.T + bias))
        return responses, 1

    def is_batched(self) -> bool:
        """See `Path.is_batched`."""
        return torch_device(self.problem.device) is not None

    def run_batched(self, folds: Sequence[Fold], cells: Sequence[Cell]) -> tuple[list[list[Response]], int]:
        """See `Path.run_batched`: the folds' scatter matrices are decomposed together."""
        device = torch_device(self.problem.device)
        parts = [self._fold(fold) for fold in folds]
        scatter = torch.as_tensor(np.stack([part[2] for part in parts]), device=device)
        eigenvalues, eigenvectors = torch.linalg.eigh(scatter)
        shrinkage = torch.tensor(
            [float(self.value(cell, "shrinkage")) for cell in cells], dtype=torch.float64, device=device
        )[:, None]
        by_fold = []
        for number, (means, priors, _, held) in enumerate(parts):
            values, vectors = eigenvalues[number], eigenvectors[number]
            turned = torch.as_tensor(means, device=device) @ vectors
            rows = torch.as_tensor(held, device=device) @ vectors
            shrunk = (1 - shrinkage) * values + shrinkage * values.mean()
            weights = turned / shrunk[:, None]
            bias = -0.5 * (turned * weights).sum(dim=2) + torch.as_tensor(np.log(priors), device=device)
            scores = rows @ weights.mT + bias[:, None]
            by_fold.append([_respond(each) for each in scores.cpu().numpy()])
        return by_fold, len(folds)

    def _fold(self, fold: Fold) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return class means, priors, pooled covariance and held-out rows, as the model sees them."""
        prefix = self.problem.prefix
        scaled = prefix is not None and [type(step) for _, step in prefix.steps] == [StandardScaler]
        if prefix is None or (scaled and _is_plain(prefix.steps[0][1])):
            return self._downdated(fold, scale=prefix is not None)
        X, codes, held = self.problem.rows(fold)
        counts = np.bincount(codes, minlength=len(self.problem.classes)).astype(float)
        X, held = X.astype(np.float64), held.astype(np.float64)
        means = _class_sums(X, codes, len(counts)) / counts[:, None]
        residual = X - means[codes]
        return means, counts / counts.sum(), residual.T @ residual / len(X), held

    def _downdated(self, fold: Fold, scale: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        centre, sums, products = self._sums()
        classes = len(self.problem.classes)
        held, held_codes = self.problem.X[fold.test].astype(np.float64), self.problem.codes[fold.test]
        held = held - centre
        counts = np.bincount(self.problem.codes[fold.train], minlength=classes).astype(float)
        total = counts.sum()
        if len(fold.train) + len(fold.test) == len(self.problem.X):
            sums = sums - _class_sums(held, held_codes, classes)
            products = products - held.T @ held
        else:
            kept = self.problem.X[fold.train].astype(np.float64) - centre
            sums = _class_sums(kept, self.problem.codes[fold.train], classes)
            products = kept.T @ kept
        means = sums / counts[:, None]
        within = (products - (means * counts[:, None]).T @ means) / total
        if not scale:
            return means, counts / total, within, held
        mean = sums.sum(axis=0) / total
        variance = np.diag(products) / total - mean**2
        # StandardScaler leaves constant columns as they are; rounding must not make them look alive.
        constant = variance <= 1e-12 * (np.diag(products) / total + mean**2)
        deviation = np.sqrt(np.where(constant, 1.0, variance))
        within = within / np.outer(deviation, deviation)
        return (means - mean) / deviation, counts / total, within, (held - mean) / deviation

    def _sums(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a centre, and about it the sum of each class and the products of all rows, once."""
        if self._whole is None:
            X = self.problem.X.astype(np.float64)
            centre = X.mean(axis=0)
            X -= centre
            sums = _class_sums(X, self.problem.codes, len(self.problem.classes))
            self._whole = centre, sums, X.T @ X
        return self._whole


def _is_plain(scaler: StandardScaler) -> bool:
    return bool(scaler.with_mean and scaler.with_std)


def _class_sums(X: np.ndarray, codes: np.ndarray, classes: int) -> np.ndarray:
    return np.stack([X[codes == code].sum(axis=0) for code in range(classes)])


def _respond(scores: np.ndarray) -> Response:
    if scores.shape[1] == 2:
        decision = scores[:, 1] - scores[:, 0]
        positive = expit(decision)
        return Response(decision, np.stack([1 - positive, positive], axis=1))
    return Response(scores, softmax(scores, axis=1))

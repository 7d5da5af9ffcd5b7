"""LDA: every shrinkage from one eigendecomposition of a fold's pooled scatter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
import torch
from scipy.linalg import eigh
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

from classifiers.search.paths.base import Cell, Fold, Path, Problem, Response
from classifiers.search.solvers.batched import torch_device

#: Rows that are turned into double precision at a time.
BLOCK = 8192


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
        """Room for the scatter matrices, the held-out rows and a block of rows in double precision."""
        n, d = self.problem.X.shape
        return 8 * (6 * d * d + BLOCK * d) + self.problem.X.nbytes * (n - self.problem.train_rows) // n

    def run(self, fold: Fold, cells: Sequence[Cell]) -> tuple[list[Response], int]:
        """See `Path.run`."""
        means, priors, scatter, held = self._fold(fold)
        eigenvalues, eigenvectors = eigh(scatter)
        turned = means @ eigenvectors
        shrinkage = np.array([float(self.value(cell, "shrinkage")) for cell in cells])[:, None]
        shrunk = (1 - shrinkage) * eigenvalues + shrinkage * eigenvalues.mean()
        weights = turned / shrunk[:, None]
        bias = -0.5 * (turned * weights).sum(axis=2) + np.log(priors)
        scores = held.times(np.einsum("de,kce->kcd", eigenvectors, weights))
        return [_respond(each + offset) for each, offset in zip(scores, bias, strict=True)], 1

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
            shrunk = (1 - shrinkage) * values + shrinkage * values.mean()
            weights = turned / shrunk[:, None]
            bias = -0.5 * (turned * weights).sum(dim=2) + torch.as_tensor(np.log(priors), device=device)
            scores = held.times((weights @ vectors.mT).cpu().numpy())
            offsets = bias.cpu().numpy()
            by_fold.append([_respond(each + offset) for each, offset in zip(scores, offsets, strict=True)])
        return by_fold, len(folds)

    def _fold(self, fold: Fold) -> tuple[np.ndarray, np.ndarray, np.ndarray, "_HeldRows"]:
        """Return class means, priors, pooled covariance and held-out rows, as the model sees them."""
        prefix = self.problem.prefix
        scaled = prefix is not None and [type(step) for _, step in prefix.steps] == [StandardScaler]
        if prefix is None or (scaled and _is_plain(prefix.steps[0][1])):
            return self._downdated(fold, scale=prefix is not None)
        X, codes, held = self.problem.rows(fold)
        counts = np.bincount(codes, minlength=len(self.problem.classes)).astype(float)
        centre, one = X.mean(axis=0, dtype=np.float64), np.ones(X.shape[1])
        sums, products = _moments(X, codes, centre, len(counts))
        means = sums / counts[:, None]
        within = (products - (means * counts[:, None]).T @ means) / len(X)
        return means, counts / counts.sum(), within, _HeldRows(held, centre, one)

    def _downdated(self, fold: Fold, scale: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, "_HeldRows"]:
        centre, sums, products = self._sums()
        classes, codes = len(self.problem.classes), self.problem.codes
        held = self.problem.X[fold.test]
        counts = np.bincount(codes[fold.train], minlength=classes).astype(float)
        total = counts.sum()
        if len(fold.train) + len(fold.test) == len(self.problem.X):
            held_sums, held_products = _moments(held, codes[fold.test], centre, classes)
            sums, products = sums - held_sums, products - held_products
        else:
            sums, products = _moments(self.problem.X[fold.train], codes[fold.train], centre, classes)
        means = sums / counts[:, None]
        within = (products - (means * counts[:, None]).T @ means) / total
        if not scale:
            return means, counts / total, within, _HeldRows(held, centre, np.ones_like(centre))
        mean = sums.sum(axis=0) / total
        variance = np.diag(products) / total - mean**2
        # StandardScaler leaves constant columns as they are; rounding must not make them look alive.
        constant = variance <= 1e-12 * (np.diag(products) / total + mean**2)
        deviation = np.sqrt(np.where(constant, 1.0, variance))
        within = within / np.outer(deviation, deviation)
        return (
            (means - mean) / deviation,
            counts / total,
            within,
            _HeldRows(held, centre + mean, deviation),
        )

    def _sums(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a centre, and about it the sum of each class and the products of all rows, once."""
        if self._whole is None:
            X = self.problem.X
            centre = X.mean(axis=0, dtype=np.float64)
            self._whole = centre, *_moments(X, self.problem.codes, centre, len(self.problem.classes))
        return self._whole


@dataclass(frozen=True, eq=False)
class _HeldRows:
    """Held-out rows as they lie in memory, and what centres and scales them.

    Computed in double precision a block at a time: a copy of all rows would need more memory than the
    rows themselves.
    """

    rows: np.ndarray
    centre: np.ndarray
    deviation: np.ndarray

    def times(self, weights: np.ndarray) -> np.ndarray:
        """Return the products with weights (cells, classes, d), shape (cells, rows, classes)."""
        cells, classes, d = weights.shape
        flat = weights.reshape(-1, d).T / self.deviation[:, None]
        products = np.concatenate([block @ flat for block in _blocks(self.rows, self.centre)])
        return products.reshape(len(self.rows), cells, classes).transpose(1, 0, 2)


def _blocks(X: np.ndarray, centre: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(X), BLOCK):
        yield X[start : start + BLOCK].astype(np.float64) - centre


def _moments(
    X: np.ndarray, codes: np.ndarray, centre: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of each class (classes, d) and the products (d, d) of rows about a centre."""
    d = X.shape[1]
    sums, products = np.zeros((classes, d)), np.zeros((d, d))
    for number, block in enumerate(_blocks(X, centre)):
        own = codes[number * BLOCK : number * BLOCK + len(block)]
        sums += (np.arange(classes)[:, None] == own).astype(float) @ block
        products += block.T @ block
    return sums, products


def _is_plain(scaler: StandardScaler) -> bool:
    return bool(scaler.with_mean and scaler.with_std)


def _respond(scores: np.ndarray) -> Response:
    if scores.shape[1] == 2:
        decision = scores[:, 1] - scores[:, 0]
        positive = expit(decision)
        return Response(decision, np.stack([1 - positive, positive], axis=1))
    return Response(scores, softmax(scores, axis=1))

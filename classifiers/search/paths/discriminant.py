"""LDA: every shrinkage from one eigendecomposition of a fold's pooled scatter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eigh
from scipy.special import expit, softmax
from sklearn.preprocessing import StandardScaler

from classifiers.search.paths.base import Fold, Path, Problem, Response, StepAside, is_number

#: Rows that are turned into double precision at a time.
BLOCK = 8192

#: Least ratio of the smallest to the largest eigenvalue of a shrunk covariance, by the precision of the
#: data. Below it the library's rounding changes decision values by more than a relative 1e-4.
_LEAST_RATIO = {np.dtype(np.float32): 4e-7, np.dtype(np.float64): 1e-11}

#: A column whose variance on the training rows is less than this part of that on all rows is not
#: computed by difference.
_LEAST_PART = 1e-7


@dataclass(frozen=True, eq=False)
class _Moments:
    """What LDA needs of a fold: class means, priors, pooled covariance, and the held-out rows."""

    means: np.ndarray
    priors: np.ndarray
    covariance: np.ndarray
    held: "_HeldRows"
    dtype: np.dtype


class DiscriminantPath(Path):
    """Linear discriminant analysis over its shrinkage.

    The shrunk covariance (1 - s) S + s tr(S)/d I has the eigenvectors of S for every s, so one
    decomposition serves all; so it is when priors weight the classes' covariances in S. The products of
    all rows are summed once; a fold's are what is left when the held-out rows' are taken away, and
    standardising is a scaling of rows and columns. Folds that overlap are summed on their own.
    """

    along = frozenset({"shrinkage"})
    understood = frozenset({"priors", "shrinkage", "solver", "store_covariance", "tol"})

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self._whole: dict[bool, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def can_answer(self, model: Any) -> bool:
        """A shrinkage above 0, with a solver that uses the covariance, and valid priors."""
        return (
            is_number(model.shrinkage)
            and 0 < float(model.shrinkage) <= 1
            and model.solver in ("lsqr", "eigen")
            and (model.priors is None or self._are_valid(model.priors))
            and self.bytes_per_call(1) <= self.problem.memory_bytes
        )

    def _are_valid(self, priors: Any) -> bool:
        shares = np.asarray(priors)
        return (
            shares.dtype.kind in "fiu"
            and shares.shape == self.problem.classes.shape
            and bool((shares > 0).all())
            and abs(float(shares.sum()) - 1) < 1e-9
        )

    def bytes_per_call(self, threads: int) -> int:
        """Room for the products, the held-out rows and a block of rows in double precision."""
        n, d = self.problem.X.shape
        matrices = 4 + 2 * len(self.problem.classes)
        return 8 * (matrices * d * d + BLOCK * d) + self.problem.X.nbytes * (n - self.problem.train_rows) // n

    def run(self, fold: Fold, models: Sequence[Any]) -> tuple[list[Response | None], int]:
        """See `Path.run`."""
        part = self._fold(fold, models[0].priors)
        eigenvalues, eigenvectors = eigh(part.covariance)
        turned = part.means @ eigenvectors
        shrinkage = np.array([float(model.shrinkage) for model in models])[:, None]
        with np.errstate(all="ignore"):
            shrunk = (1 - shrinkage) * eigenvalues + shrinkage * eigenvalues.mean()
            weights = turned / shrunk[:, None]
            bias = -0.5 * (turned * weights).sum(axis=2) + np.log(part.priors)
            scores = part.held.times(np.einsum("de,kce->kcd", eigenvectors, weights))
        return self._responses(part, shrunk, scores, bias), 1

    def is_batched(self) -> bool:
        """See `Path.is_batched`."""
        return self.problem.device in ("cuda", "cpu-torch")

    def run_batched(
        self, folds: Sequence[Fold], models: Sequence[Any]
    ) -> tuple[list[list[Response | None]], int]:
        """See `Path.run_batched`."""
        import torch

        from classifiers.search.solvers.batched import torch_device

        device = torch_device(self.problem.device)
        parts = [self._fold(fold, models[0].priors) for fold in folds]
        covariances = torch.as_tensor(np.stack([part.covariance for part in parts]), device=device)
        eigenvalues, eigenvectors = torch.linalg.eigh(covariances)
        shrinkage = torch.tensor(
            [float(model.shrinkage) for model in models], dtype=torch.float64, device=device
        )[:, None]
        by_fold = []
        for number, part in enumerate(parts):
            values, vectors = eigenvalues[number], eigenvectors[number]
            turned = torch.as_tensor(part.means, device=device) @ vectors
            shrunk = (1 - shrinkage) * values + shrinkage * values.mean()
            weights = turned / shrunk[:, None]
            bias = -0.5 * (turned * weights).sum(dim=2)
            bias = bias + torch.as_tensor(np.log(part.priors), device=device)
            scores = part.held.times((weights @ vectors.mT).cpu().numpy())
            by_fold.append(self._responses(part, shrunk.cpu().numpy(), scores, bias.cpu().numpy()))
        return by_fold, len(folds)

    def _responses(
        self, part: _Moments, shrunk: np.ndarray, scores: np.ndarray, bias: np.ndarray
    ) -> list[Response | None]:
        return [
            _respond(each + offset) if values.min() > _LEAST_RATIO[part.dtype] * values.max() else None
            for each, offset, values in zip(scores, bias, shrunk, strict=True)
        ]

    def _fold(self, fold: Fold, priors: Any) -> _Moments:
        """Return a fold's moments as the model sees them, behind the prefix."""
        if len(fold.train) <= len(self.problem.classes):
            raise StepAside("no more rows than classes")
        prefix = self.problem.prefix
        scaled = prefix is not None and [type(step) for _, step in prefix.steps] == [StandardScaler]
        if fold.is_partition() and (prefix is None or (scaled and _is_plain(prefix.steps[0][1]))):
            found = self._by_difference(fold, priors, scale=prefix is not None)
            if found is not None:
                return found
        X, codes, held = self.problem.rows(fold)
        centre = X.mean(axis=0, dtype=np.float64)
        counts = np.bincount(codes, minlength=len(self.problem.classes)).astype(float)
        sums, products = _products(X, codes, centre, len(counts), priors is not None)
        means = sums / counts[:, None]
        shares, covariance = _pool(means, products, counts, priors)
        return _uncentred(means, shares, covariance, held, centre)

    def _by_difference(self, fold: Fold, priors: Any, scale: bool) -> _Moments | None:
        """Return a fold's moments as all rows' less the held-out rows', None where that loses digits."""
        centre, sums, products = self._sums(priors is not None)
        classes, codes = len(self.problem.classes), self.problem.codes
        held = self.problem.X[fold.test]
        counts = np.bincount(codes[fold.train], minlength=classes).astype(float)
        total = counts.sum()
        whole = np.einsum("kii->i", products)
        held_sums, held_products = _products(held, codes[fold.test], centre, classes, priors is not None)
        sums, products = sums - held_sums, products - held_products
        means = sums / counts[:, None]
        shares, covariance = _pool(means, products, counts, priors)
        # The variance within the classes is the smaller one.
        if (np.diag(covariance) * total <= _LEAST_PART * whole).any():
            return None
        if not scale:
            return _uncentred(means, shares, covariance, held, centre)
        mean = sums.sum(axis=0) / total
        deviation = np.sqrt(np.einsum("kii->i", products) / total - mean**2)
        return _Moments(
            (means - mean) / deviation,
            shares,
            covariance / np.outer(deviation, deviation),
            _HeldRows(held, centre + mean, deviation),
            held.dtype,
        )

    def _sums(self, by_class: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a centre, and about it the sum of each class and the products of all rows, once."""
        if by_class not in self._whole:
            X = self.problem.X
            centre = X.mean(axis=0, dtype=np.float64)
            products = _products(X, self.problem.codes, centre, len(self.problem.classes), by_class)
            self._whole[by_class] = centre, *products
        return self._whole[by_class]


def _uncentred(
    means: np.ndarray, priors: np.ndarray, covariance: np.ndarray, held: np.ndarray, centre: np.ndarray
) -> _Moments:
    """Return the moments of rows about a centre, in the rows' own coordinates.

    With two classes the centre cancels out of the decision values, which are more precise about it.
    """
    if len(means) > 2:
        means, centre = means + centre, np.zeros_like(centre)
    return _Moments(means, priors, covariance, _HeldRows(held, centre, np.ones_like(centre)), held.dtype)


def _pool(
    means: np.ndarray, products: np.ndarray, counts: np.ndarray, priors: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the priors and the covariance within the classes, weighted by them."""
    if priors is None:
        within = (products[0] - (means * counts[:, None]).T @ means) / counts.sum()
        return counts / counts.sum(), within
    shares = np.asarray(priors, np.float64)
    return shares, sum(
        share / count * (product - count * np.outer(mean, mean))
        for share, count, product, mean in zip(shares, counts, products, means, strict=True)
    )


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


def _products(
    X: np.ndarray, codes: np.ndarray, centre: np.ndarray, classes: int, by_class: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of each class, shape (classes, d), and the products of rows about a centre.

    The products have shape (classes, d, d), or (1, d, d) of all classes together.
    """
    d = X.shape[1]
    sums, products = np.zeros((classes, d)), np.zeros((classes if by_class else 1, d, d))
    for number, block in enumerate(_blocks(X, centre)):
        own = codes[number * BLOCK : number * BLOCK + len(block)]
        sums += (np.arange(classes)[:, None] == own).astype(float) @ block
        if by_class:
            for code in range(classes):
                members = block[own == code]
                products[code] += members.T @ members
        else:
            products[0] += block.T @ block
    return sums, products


def _is_plain(scaler: StandardScaler) -> bool:
    return bool(scaler.with_mean and scaler.with_std)


def _respond(scores: np.ndarray) -> Response:
    if scores.shape[1] == 2:
        decision = scores[:, 1] - scores[:, 0]
        positive = expit(decision)
        return Response(decision, np.stack([1 - positive, positive], axis=1))
    return Response(scores, softmax(scores, axis=1))

"""Whether embeddings fall into groups by themselves, and whether those are the labels."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

DIMENSIONS = 16
CLUSTERS = (2, 10)
_FIGURES = ("clusters", "adjusted_rand", "nmi", "purity", "unclustered")


def clusters_table(embeddings: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> pd.DataFrame:
    """Cluster embeddings without the labels, then compare.

    Parameters
    ----------
    embeddings : float array, shape (n, d)
        Standardised and reduced to 16 principal components first.
    labels : array, shape (n,)
    seed : int

    Returns
    -------
    DataFrame
        `method`, `clusters`, `adjusted_rand`, `nmi`, `purity` (share of images that bear the commonest
        label of their cluster) and `unclustered` (share that HDBSCAN leaves out; a cluster of its own
        for the figures). Where a method cannot be used, its figures are NaN and a column `reason` says why.
    """
    X = np.asarray(embeddings, np.float32)
    codes = np.unique(labels, return_inverse=True)[1]
    reason = "" if X.size and np.isfinite(X).all() else "there are no finite embeddings"
    distinct = 0
    if not reason:
        X = _reduced(X, seed)
        distinct = len(np.unique(X, axis=0))
    smallest = max(5, len(X) // 100)
    methods: list[tuple[str, int, Callable[[], np.ndarray]]] = []
    for count in CLUSTERS:
        means = KMeans(count, n_init=4, random_state=seed)
        mixture = GaussianMixture(count, covariance_type="diag", random_state=seed, reg_covar=1e-3)
        methods.append((f"k-means, {count}", count, partial(means.fit_predict, X)))
        methods.append((f"Gaussian mixture, {count}", count, partial(mixture.fit_predict, X)))
    density = HDBSCAN(min_cluster_size=smallest, copy=True)
    methods.append(("HDBSCAN", smallest, partial(density.fit_predict, X)))
    rows: list[dict[str, object]] = []
    for name, needed, fit in methods:
        why = reason or (f"{distinct} distinct images, {needed} are needed" if distinct < needed else "")
        figures = dict.fromkeys(_FIGURES, float("nan")) if why else _compare(fit(), codes)
        rows.append({"method": name, **figures, "reason": why})
    table = pd.DataFrame(rows)
    return table if table["reason"].any() else table.drop(columns="reason")


def _reduced(X: np.ndarray, seed: int) -> np.ndarray:
    """Return the first principal components of standardised embeddings; of equal images zeros."""
    scaled = StandardScaler().fit_transform(X)
    if len(X) < 2 or not scaled.any():
        return np.zeros((len(X), 1), np.float32)
    return PCA(min(DIMENSIONS, *scaled.shape), random_state=seed).fit_transform(scaled)


def purity(groups: np.ndarray, codes: np.ndarray) -> float:
    """Return the share of images that bear the commonest label of their cluster."""
    commonest = [np.bincount(codes[groups == group]).max() for group in np.unique(groups)]
    return float(sum(commonest) / len(codes))


def _compare(groups: np.ndarray, codes: np.ndarray) -> dict[str, float]:
    return {
        "clusters": len(set(groups.tolist()) - {-1}),
        "adjusted_rand": float(adjusted_rand_score(codes, groups)),
        "nmi": float(normalized_mutual_info_score(codes, groups)),
        "purity": purity(groups, codes),
        "unclustered": float((groups == -1).mean()),
    }

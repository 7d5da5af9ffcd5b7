"""Whether embeddings fall into groups by themselves, and whether those are the labels."""

import numpy as np
import pandas as pd
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

DIMENSIONS = 16
CLUSTERS = (2, 10)


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
        for the figures).
    """
    scaled = StandardScaler().fit_transform(np.asarray(embeddings, np.float32))
    X = PCA(min(DIMENSIONS, *scaled.shape), random_state=seed).fit_transform(scaled)
    codes = np.unique(labels, return_inverse=True)[1]
    found: list[tuple[str, np.ndarray]] = []
    for count in CLUSTERS:
        found.append((f"k-means, {count}", KMeans(count, n_init=4, random_state=seed).fit_predict(X)))
        mixture = GaussianMixture(count, covariance_type="diag", random_state=seed, reg_covar=1e-3)
        found.append((f"Gaussian mixture, {count}", mixture.fit_predict(X)))
    smallest = max(5, len(X) // 100)
    found.append(("HDBSCAN", HDBSCAN(min_cluster_size=smallest, copy=True).fit_predict(X)))
    return pd.DataFrame([{"method": name, **_compare(groups, codes)} for name, groups in found])


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

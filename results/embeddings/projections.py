"""Embeddings in two dimensions: PCA, t-SNE and UMAP."""

import os
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

PCA_DIMENSIONS = 50


def names() -> list[str]:
    """Return the names of the projections."""
    return list(_REGISTRY)


def project(embeddings: np.ndarray, image_ids: list[str], *, seed: int = 0) -> pd.DataFrame:
    """Project embeddings to two dimensions in every way there is.

    The embeddings are standardised and reduced to 50 principal components first: t-SNE and UMAP look
    at neighbours, which that keeps, at a tenth of the time.

    Parameters
    ----------
    embeddings : float array, shape (n, d)
    image_ids : list of str
        n names.
    seed : int
        One seed for all.

    Returns
    -------
    DataFrame
        Columns `projection`, `image_id`, `x`, `y` (float32); n lines for each projection.

    References
    ----------
    van der Maaten and Hinton, Visualizing data using t-SNE, JMLR 9, 2008. McInnes et al., UMAP, 2018.
    """
    scaled = StandardScaler().fit_transform(np.asarray(embeddings, np.float32))
    n_components = min(PCA_DIMENSIONS, *scaled.shape)
    components = PCA(n_components, random_state=seed, svd_solver="full").fit_transform(scaled)
    frames = []
    for name, compute in _REGISTRY.items():
        xy = compute(components, seed).astype(np.float32)
        frames.append(pd.DataFrame({"projection": name, "image_id": image_ids, "x": xy[:, 0], "y": xy[:, 1]}))
    return pd.concat(frames, ignore_index=True)


def _pca(components: np.ndarray, seed: int) -> np.ndarray:
    return components[:, :2]


def _tsne(components: np.ndarray, seed: int) -> np.ndarray:
    from openTSNE import TSNE

    perplexity = min(30, max(2, (len(components) - 1) / 3))
    # n_jobs=1: with more, sums run in another order each time and the picture does not repeat.
    tsne = TSNE(perplexity=perplexity, random_state=seed, n_jobs=1, initialization="pca")
    return np.asarray(tsne.fit(components))


def _umap(components: np.ndarray, seed: int) -> np.ndarray:
    import numba

    # The other thread pools of numba write to stderr, or stop the process, when it forks later on.
    if "NUMBA_THREADING_LAYER" not in os.environ:
        numba.config.THREADING_LAYER = "workqueue"  # type: ignore[attr-defined]
    from umap import UMAP

    neighbours = min(15, len(components) - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit_transform(components)


_REGISTRY: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "PCA": _pca,
    "t-SNE": _tsne,
    "UMAP": _umap,
}

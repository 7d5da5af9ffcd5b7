"""Embeddings in two dimensions: PCA, t-SNE and UMAP."""

import os
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

PCA_DIMENSIONS = 50
#: t-SNE and UMAP look at neighbours; of fewer images that differ there is no picture to draw.
FEWEST_DISTINCT = 5


def names() -> list[str]:
    """Return the names of the projections."""
    return list(_REGISTRY)


def project(embeddings: np.ndarray, image_ids: list[str], *, seed: int = 0) -> pd.DataFrame:
    """Project embeddings to two dimensions by every method.

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
        Columns `projection`, `image_id`, `x`, `y` (float32, finite); n rows for each projection. A method
        that cannot be used is left out: `attrs["skipped"]` maps its name to the reason, which is also
        given as a warning.

    References
    ----------
    van der Maaten and Hinton, Visualizing data using t-SNE, JMLR 9, 2008. McInnes et al., UMAP, 2018.
    """
    X = np.asarray(embeddings, np.float32)
    reason = _unusable(X)
    components = principal_components(X, PCA_DIMENSIONS, seed) if not reason else np.zeros((0, 2))
    frames, skipped = [], {}
    for name, compute in _REGISTRY.items():
        why = reason or (_too_few(components) if name != "PCA" else "")
        if not why:
            xy = compute(components, seed).astype(np.float32)
            why = "" if np.isfinite(xy).all() else "its coordinates are not finite"
        if why:
            skipped[name] = why
            warnings.warn(f"{name} is skipped: {why}", stacklevel=2)
            continue
        frames.append(pd.DataFrame({"projection": name, "image_id": image_ids, "x": xy[:, 0], "y": xy[:, 1]}))
    empty = pd.DataFrame({"projection": [], "image_id": [], "x": [], "y": []})
    frame = pd.concat(frames, ignore_index=True) if frames else empty.astype({"x": "f4", "y": "f4"})
    frame.attrs["skipped"] = skipped
    return frame


def principal_components(X: np.ndarray, most: int, seed: int = 0) -> np.ndarray:
    """Return the principal components of standardised embeddings; directions without spread are 0.

    Parameters
    ----------
    X : float array, shape (n, d)
    most : int
        Number of components, fewer where there are fewer images or dimensions.
    seed : int

    Returns
    -------
    float array, shape (n, at least 2)
        Padded with zeros to two columns.
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(X)
    found = np.zeros((len(X), 2))
    # Equal images have no directions: scikit-learn would divide by their spread of 0.
    if len(X) > 1 and scaled.any():
        found = PCA(min(most, *scaled.shape), random_state=seed, svd_solver="full").fit_transform(scaled)
    return np.pad(found, ((0, 0), (0, max(0, 2 - found.shape[1]))))


def _unusable(X: np.ndarray) -> str:
    if X.ndim != 2 or not X.size:
        return "there are no embeddings"
    return "" if np.isfinite(X).all() else "the embeddings hold numbers that are not finite"


def _too_few(components: np.ndarray) -> str:
    distinct = len(np.unique(components, axis=0))
    if distinct >= FEWEST_DISTINCT:
        return ""
    return f"{distinct} distinct images of {len(components)}, {FEWEST_DISTINCT} are needed"


def _pca(components: np.ndarray, seed: int) -> np.ndarray:
    return components[:, :2]


def _tsne(components: np.ndarray, seed: int) -> np.ndarray:
    from openTSNE import TSNE

    perplexity = min(30, max(2, (len(components) - 1) / 3))
    # n_jobs=1: with more, sums run in another order each time and the picture does not repeat.
    tsne = TSNE(perplexity=perplexity, random_state=seed, n_jobs=1, initialization=_start(components, seed))
    return np.asarray(tsne.fit(components))


def _start(components: np.ndarray, seed: int) -> str | np.ndarray:
    """Return where t-SNE starts: openTSNE's own principal components, where there are two of them."""
    if (components[:, :2].std(axis=0) > 0).all():
        return "pca"
    jitter = np.random.default_rng(seed).normal(scale=1e-6, size=(len(components), 2))
    return components[:, :2] / components[:, :2].std() * 1e-4 + jitter


def _umap(components: np.ndarray, seed: int) -> np.ndarray:
    import numba

    # The other thread pools of numba write to stderr, or stop the process, when it forks later on.
    if "NUMBA_THREADING_LAYER" not in os.environ:
        numba.config.THREADING_LAYER = "workqueue"  # type: ignore[attr-defined]
    from umap import UMAP

    neighbours = min(15, len(components) - 1)
    # The spectral start needs more images than it has dimensions, and neighbours that are not all one.
    init = "spectral" if len(np.unique(components, axis=0)) > 4 * neighbours else "random"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1, init=init)
        return model.fit_transform(components)


_REGISTRY: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "PCA": _pca,
    "t-SNE": _tsne,
    "UMAP": _umap,
}

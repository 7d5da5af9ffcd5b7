"""How much a classifier gains when images that belong together lie on both sides of a split."""

import numpy as np

from features.splits.folds import make_folds

#: Principal components of the features, images at most, and folds.
COMPONENTS, MOST_IMAGES, FOLDS = 32, 2000, 5
#: Up to this number of images the folds are drawn three times.
FEW_IMAGES = 600


def auc_parted_and_whole(features: np.ndarray, y: np.ndarray, cluster: np.ndarray) -> tuple[float, float]:
    """Return the cross-validated ROC AUC with folds that part the clusters, and with whole clusters.

    The classifier is a support vector machine on 32 principal components of cheap features. It is no
    measure of what a run will reach; the difference shows how much clusters that are parted flatter it.

    Parameters
    ----------
    features : ndarray of float, shape (n_images, n_features)
        Of `features.structure.neighbours.comparable`, or embeddings. Rows with NaN are left out.
    y : ndarray of int, shape (n_images,)
    cluster : ndarray of int, shape (n_images,)
        Images with one number belong together.

    Returns
    -------
    parted, whole : float
        Mean over the folds. NaN where too few clusters hold good or defective images.
    """
    rows = np.flatnonzero(np.isfinite(features).all(axis=1))
    if len(rows) > MOST_IMAGES:
        order = np.random.default_rng(0).permutation(np.unique(cluster[rows]))
        rank = np.empty(order.max() + 1, int)
        rank[order] = np.arange(len(order))
        rows = rows[np.argsort(rank[cluster[rows]], kind="stable")[:MOST_IMAGES]]
    y, cluster = y[rows], cluster[rows]
    holding = min((len(set(cluster[y == label])) for label in (0, 1)), default=0)
    folds = min(FOLDS, holding, *np.bincount(y, minlength=2))
    if folds < 2:
        return np.nan, np.nan
    X = _components(features[rows])
    parted, whole = [], []
    for seed in range(3 if len(rows) <= FEW_IMAGES else 1):
        parted += [_auc(X, y, *fold) for fold in make_folds(y, folds, seed)]
        whole += [_auc(X, y, *fold) for fold in make_folds(y, folds, seed, cluster)]
    return float(np.nanmean(parted)), float(np.nanmean(whole))


def _components(X: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA

    count = min(COMPONENTS, *X.shape)
    scores = PCA(count, svd_solver="randomized", random_state=0).fit_transform(X)
    return np.asarray(scores / max(scores[:, 0].std(), 1e-12))


def _auc(X: np.ndarray, y: np.ndarray, fit: np.ndarray, held: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score
    from sklearn.svm import SVC

    if len(set(y[held])) < 2 or len(set(y[fit])) < 2:
        return np.nan
    machine = SVC(C=10, gamma="scale", class_weight="balanced").fit(X[fit], y[fit])
    return float(roc_auc_score(y[held], machine.decision_function(X[held])))

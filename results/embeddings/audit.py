"""Labels that are likely wrong: cross-validated confidence, neighbours that disagree, nothing unusual."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NEIGHBOURS = 15
FOLDS = 5
DIMENSIONS = 64
#: Weight of a network that has not seen the image, where there is one.
HELD_OUT_WEIGHT = 0.5


def audit_labels(
    embeddings: np.ndarray,
    y: np.ndarray,
    image_ids: list[str],
    *,
    novelty: np.ndarray | None = None,
    held_out: np.ndarray | None = None,
    folds: Sequence[tuple[np.ndarray, np.ndarray]] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Rank images by how likely their label is wrong.

    Opinions on each image come from images other than itself: the probability of its label by a
    logistic regression that was fitted without it, the share of its nearest neighbours that bear its
    label, and whether it looks unusual for a good part, which holds for a rare defect too that no model
    has learnt. An opinion counts by how far it falls below what is usual for images of that label, the
    idea of confident learning, so that a class that is hard as a whole is not taken for mislabelled; and
    it weighs by how well it parts the labels (Gini, 2 AUC - 1).

    Parameters
    ----------
    embeddings : float array, shape (n, d)
    y : int array of 0 and 1, shape (n,)
        Labels as they are; with fewer than five images of a class there are fewer folds.
    image_ids : list of str
        n names.
    novelty : float array, shape (n,), optional
        How unusual each image is, on any scale; see `features.extract.novelty.patch_novelty`.
    held_out : float array, shape (n,), optional
        Probability of class 1 of each image by a model that has not seen it; NaN where there is
        none. It counts as much as the other opinions together.
    folds : sequence of (int array, int array), optional
        Rows to fit on and rows held out; together the held-out rows are all rows. By default five
        shuffled, stratified folds. Give folds that keep copies together where there are copies.
    seed : int
        Of the folds.

    Returns
    -------
    DataFrame
        `rank` (from 1, most suspect first), `image_id`, `label`, `suspicion` (0 to 1), `confidence`
        (probability of the label), `neighbours` (share that bear the label), `novelty` (share of the
        images of class 0 that are less unusual; NaN), `held_out` (probability of the label by the model; NaN)
        and `issue`: whether the other label is as likely as it is for images that bear it. Where a class
        has fewer than two images nothing can be judged: the figures are NaN and `attrs["reason"]`, also given
        as a warning, says why.

    References
    ----------
    Northcutt, Jiang and Chuang, Confident learning: estimating uncertainty in dataset labels, Journal of
    Artificial Intelligence Research 70, 2021.
    """
    X, y = np.asarray(embeddings, np.float32), np.asarray(y, int)
    reason = _unusable(X, y)
    if reason:
        warnings.warn(f"the labels are not audited: {reason}", stacklevel=2)
        return _unaudited(y, image_ids, reason)
    positive = {
        "confidence": _out_of_fold(X, y, seed, folds),
        "neighbours": neighbours_of_class_1(X, y, seed),
    }
    if novelty is not None:
        positive["novelty"] = _rank_among(novelty, novelty[y == 0])
    bearing_out = {name: np.where(y == 1, value, 1 - value) for name, value in positive.items()}
    gini = [max(2 * roc_auc_score(y, value) - 1, 1e-3) for value in positive.values()]
    suspicion = np.average([_shortfall(value, y) for value in bearing_out.values()], axis=0, weights=gini)
    own = (
        np.full(len(y), np.nan) if held_out is None else np.where(y == 1, held_out, 1 - np.asarray(held_out))
    )
    share = np.where(np.isnan(own), 0.0, HELD_OUT_WEIGHT)
    suspicion = (1 - share) * suspicion + share * np.nan_to_num(_shortfall(own, y))
    likely = positive["confidence"]
    thresholds = np.array([(1 - likely)[y == 0].mean(), likely[y == 1].mean()])
    other = np.where(y == 1, 1 - likely, likely)
    table = pd.DataFrame(
        {
            "image_id": image_ids,
            "label": y,
            "suspicion": suspicion,
            "confidence": bearing_out["confidence"],
            "neighbours": bearing_out["neighbours"],
            "novelty": positive.get("novelty", np.nan),
            "held_out": own,
            "issue": (other >= thresholds[1 - y]) & (suspicion > 0.5),
        }
    )
    # Ids decide between equally suspect images, so that two audits agree.
    table = table.sort_values(["suspicion", "image_id"], ascending=[False, True]).reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def neighbours_of_class_1(X: np.ndarray, y: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the share of each image's nearest neighbours that are of class 1, shape (n,).

    Neighbours are found by the angle between the standardised embeddings' first principal components.
    """
    scaled = StandardScaler().fit_transform(X)
    components = np.zeros((len(X), 1), np.float32)
    # Equal images have no directions: scikit-learn would divide by their spread of 0.
    if scaled.any():
        components = PCA(min(DIMENSIONS, *scaled.shape), random_state=seed).fit_transform(scaled)
    components /= np.maximum(np.linalg.norm(components, axis=1, keepdims=True), 1e-12)
    count = min(NEIGHBOURS, len(y) - 1)
    _, rows = NearestNeighbors(n_neighbors=count + 1).fit(components).kneighbors(components)
    # An image is its own nearest neighbour, unless another is its copy.
    others = np.array([row[row != number][:count] for number, row in enumerate(rows)])
    return y[others].mean(axis=1)


def audit_quality(audit: pd.DataFrame, wrong: set[str], first: int = 50, share: float = 0.03) -> dict:
    """Measure an audit against labels that are known to be wrong.

    Returns
    -------
    dict
        `precision`: share of the `first` suspects that are wrong; `found`: share of the wrong ones that
        lie among the first `share` of all.
    """
    hits = audit["image_id"].isin(wrong).to_numpy()
    among = max(1, round(share * len(audit)))
    return {"precision": float(hits[:first].mean()), "found": float(hits[:among].sum() / max(len(wrong), 1))}


def _unusable(X: np.ndarray, y: np.ndarray) -> str:
    """Return why labels cannot be audited, empty where they can."""
    counts = np.bincount(y, minlength=2)
    if counts.min() < 2:
        return f"{counts[0]} good images and {counts[1]} defects, two of each are needed"
    return "" if X.size and np.isfinite(X).all() else "there are no finite embeddings"


def _unaudited(y: np.ndarray, image_ids: list[str], reason: str) -> pd.DataFrame:
    columns = ("suspicion", "confidence", "neighbours", "novelty", "told")
    table = pd.DataFrame(
        {"image_id": image_ids, "label": y, **dict.fromkeys(columns, np.nan), "issue": False}
    )
    table = table.sort_values("image_id", ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    table.attrs["reason"] = reason
    return table


def _out_of_fold(
    X: np.ndarray, y: np.ndarray, seed: int, folds: Sequence[tuple[np.ndarray, np.ndarray]] | None
) -> np.ndarray:
    found = np.empty(len(y))
    if folds is None:
        count = min(FOLDS, int(np.bincount(y).min()))
        folds = list(StratifiedKFold(count, shuffle=True, random_state=seed).split(X, y))
    for train, held in folds:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, solver="newton-cholesky"))
        found[held] = model.fit(X[train], y[train]).predict_proba(X[held])[:, 1]
    return found


def _rank_among(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share of `others` that lie below each value, ties counted half."""
    ordered = np.sort(others)
    return (np.searchsorted(ordered, values) + np.searchsorted(ordered, values, "right")) / (2 * len(ordered))


def _shortfall(confidence: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how far each confidence lies below its class's mean, as a share of that mean, 0 to 1."""
    usual = np.array([np.nanmean(confidence[y == label]) if np.isfinite(confidence[y == label]).any() else 1
                      for label in (0, 1)])[y]  # fmt: skip
    return np.clip(1 - confidence / np.maximum(usual, 1e-9), 0, 1)

"""How fitted models score images for defects."""

import numpy as np
from sklearn.base import BaseEstimator

from bench.run_folder import RunFolder

#: Largest share of probabilities that may be exactly 0 or 1; beyond it decision values are used.
SATURATED = 0.01


def score_defects(estimator: BaseEstimator, X: np.ndarray) -> tuple[np.ndarray, str]:
    """Return one score per image and its kind.

    Parameters
    ----------
    estimator : estimator
        Fitted on labels 0 (good) and 1 (defective).
    X : array, shape (n, ...)
        Its input.

    Returns
    -------
    scores : float64 array, shape (n,)
        P(defect) where the model gives one, else the decision value.
    kind : {"probability", "decision"}
    """
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(X)[:, 1], float), "probability"
    return np.asarray(estimator.decision_function(X), float), "decision"


def valid_auc(folder: RunFolder, job_id: str) -> float:
    """Return the area under the ROC curve of a finished model on the valid split, -1 where it has none."""
    from results.leaderboard import scored

    return float(np.nan_to_num(scored(folder.row(job_id)).valid_auc, nan=-1.0))


def score_splits(
    models: dict[str, BaseEstimator], X: dict[str, np.ndarray]
) -> dict[str, tuple[np.ndarray, str]]:
    """Return the scores of each split, of one kind for all of them; see `score_defects`.

    Parameters
    ----------
    models : dict of str to estimator
        Model that scores each split.
    X : dict of str to array
        Input of each split.
    """
    scores = {split: score_defects(models[split], rows) for split, rows in X.items()}
    values = np.concatenate([score for score, _ in scores.values()])
    saturated = np.isin(values, (0.0, 1.0)).mean()
    if saturated > SATURATED and all(hasattr(model, "decision_function") for model in models.values()):
        # Probabilities that round to 0 or 1 tie where decision values still tell images apart.
        decisions = {split: models[split].decision_function(rows) for split, rows in X.items()}
        return {split: (np.asarray(value, float), "decision") for split, value in decisions.items()}
    return scores

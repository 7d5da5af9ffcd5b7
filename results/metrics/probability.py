"""How far probabilities can be believed."""

from typing import Literal

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from results.metrics.base import Metric, Scored

BINS = 10
Method = Literal["none", "temperature", "sigmoid", "isotonic"]


def calibrate(y_valid: np.ndarray, score_valid: np.ndarray, score: np.ndarray, method: Method) -> np.ndarray:
    """Turn scores into probabilities by a rule fitted on the valid split.

    Parameters
    ----------
    y_valid : int array of 0 and 1, shape (m,)
    score_valid : float array, shape (m,)
    score : float array, shape (n,)
        Scores to turn.
    method : {"none", "temperature", "sigmoid", "isotonic"}
        `none` takes probabilities as they are; `temperature` divides their log-odds by one number (Guo
        et al., On calibration of modern neural networks, ICML 2017); `sigmoid` is Platt's, the one for
        decision values; `isotonic` is any rising step function.

    Returns
    -------
    float array, shape (n,)
    """
    if method == "none":
        return np.clip(score, 0.0, 1.0)
    if method == "isotonic":
        rule = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score_valid, y_valid)
        return rule.predict(score)
    if method == "sigmoid":
        spread = float(np.std(score_valid)) or 1.0
        model = LogisticRegression(C=1e6).fit(score_valid[:, None] / spread, y_valid)
        return model.predict_proba(score[:, None] / spread)[:, 1]
    odds = logit(np.clip(score_valid, 1e-7, 1 - 1e-7))

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -(2 * y_valid - 1) * odds / np.exp(log_temperature)).mean())

    temperature = np.exp(minimize_scalar(loss, bounds=(-4, 4), method="bounded").x)
    return expit(logit(np.clip(score, 1e-7, 1 - 1e-7)) / temperature)


def probabilities(scored: Scored) -> np.ndarray:
    """Return the test scores as probabilities: decision values by Platt's rule, others as they are."""
    both = np.concatenate([scored.score_valid, scored.score_test])
    are = both.min() >= 0 and both.max() <= 1
    return calibrate(scored.y_valid, scored.score_valid, scored.score_test, "none" if are else "sigmoid")


def brier(y: np.ndarray, probability: np.ndarray) -> float:
    """Return the mean squared error of the probabilities (Brier 1950)."""
    return float(np.mean((probability - y) ** 2))


def calibration_curve(y: np.ndarray, probability: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Compare what was told with what was so, in bins of equally many images.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    probability : float array, shape (n,)
    bins : int

    Returns
    -------
    float array, shape (at most bins, 3)
        Mean probability, share of defects, number of images.
    """
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return np.array([[probability[part].mean(), y[part].mean(), len(part)] for part in parts])


def calibration_error(y: np.ndarray, probability: np.ndarray, bins: int = BINS) -> float:
    """Return the mean distance between what was told and what was so, in bins of equally many images."""
    curve = calibration_curve(y, probability, bins)
    return float(np.average(np.abs(curve[:, 0] - curve[:, 1]), weights=curve[:, 2]))


BRIER = Metric("brier", "Brier", lambda s: brier(s.y_test, probabilities(s)), higher_is_better=False)
CALIBRATION_ERROR = Metric(
    "calibration_error",
    "Calibration error",
    lambda s: calibration_error(s.y_test, probabilities(s)),
    higher_is_better=False,
)

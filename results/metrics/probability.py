"""How well predicted probabilities agree with what was observed."""

from typing import Literal

import numpy as np

from results.errors import PredictionsError
from results.metrics.base import Metric, Scored
from results.views import View

BINS = 10
#: Probability beyond which a single valid image would decide the temperature.
_MOST_SURE = 1 - 1e-7
Method = Literal["none", "temperature", "sigmoid", "isotonic"]


def calibrate(
    y_valid: np.ndarray,
    score_valid: np.ndarray,
    score: np.ndarray,
    method: Method,
    score_kind: str = "probability",
) -> np.ndarray:
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
    score_kind : {"probability", "decision"}
        `temperature` takes decision values as log-odds.

    Returns
    -------
    float array, shape (n,)
        `temperature` and `sigmoid` keep different scores different, also where probabilities saturate.

    Raises
    ------
    PredictionsError
        When a rule must be fitted and the valid split holds one class only.
    """
    if method == "none":
        return np.clip(score, 0.0, 1.0)
    if len(np.unique(y_valid)) < 2:
        raise PredictionsError("the valid split holds one class only: no calibration can be fitted on it")
    # Imported here: listing the metrics must not wait for scikit-learn.
    from scipy.optimize import minimize_scalar
    from scipy.special import expit, logit
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    if method == "isotonic":
        rule = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score_valid, y_valid)
        return rule.predict(score)
    if method == "sigmoid":
        spread = float(np.std(score_valid))
        # The deviation of equal scores is rounding, not spread.
        spread = spread if spread > 1e-12 * float(np.abs(score_valid).max()) else 1.0
        model = LogisticRegression(C=1e6).fit(score_valid[:, None] / spread, y_valid)
        rising = bool(model.coef_[0, 0] >= 0)
        return _distinct(score if rising else -score, model.predict_proba(score[:, None] / spread)[:, 1])
    limit = float(logit(_MOST_SURE))
    odds = _log_odds(score_valid, score_kind).clip(-limit, limit)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -(2 * y_valid - 1) * odds / np.exp(log_temperature)).mean())

    temperature = np.exp(minimize_scalar(loss, bounds=(-4, 4), method="bounded").x)
    return _distinct(score, expit(_log_odds(score, score_kind) / temperature))


def probabilities(scored: Scored) -> np.ndarray:
    """Return the test scores as probabilities: decision values by Platt's rule, others as they are.

    Parameters
    ----------
    scored : Scored
        `score_kind` decides what the scores are.

    Returns
    -------
    float array, shape (n,)
        NaN for decision values where the valid split holds one class only.
    """
    kind = scored.score_kind
    if kind is None:
        both = np.concatenate([scored.score_valid, scored.score_test])
        kind = "probability" if len(both) and both.min() >= 0 and both.max() <= 1 else "decision"
    if kind == "decision" and len(np.unique(scored.y_valid)) < 2:
        return np.full(len(scored.score_test), np.nan)
    method: Method = "none" if kind == "probability" else "sigmoid"
    return calibrate(scored.y_valid, scored.score_valid, scored.score_test, method, kind)


def brier(y: np.ndarray, probability: np.ndarray) -> float:
    """Return the mean squared error of the probabilities (Brier 1950); NaN without images."""
    return float(np.mean((probability - y) ** 2)) if len(y) else float("nan")


def calibration_curve(y: np.ndarray, probability: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Compare predicted probabilities with the share of defects, in bins of about equally many images.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    probability : float array, shape (n,)
        Images of equal probability share a bin, so that the order of the images does not matter.
    bins : int

    Returns
    -------
    float array, shape (at most bins, 3)
        Mean probability, share of defects, number of images; ascending.
    """
    if not len(y):
        return np.empty((0, 3))
    values, inverse, counts = np.unique(probability, return_inverse=True, return_counts=True)
    bin_of_rank = np.repeat(np.arange(bins), [len(part) for part in np.array_split(np.arange(len(y)), bins)])
    # A value goes whole into the bin of its middle rank.
    bin_of_value = bin_of_rank[np.cumsum(counts) - counts + (counts - 1) // 2]
    used, bin_of_image = np.unique(bin_of_value[inverse], return_inverse=True)
    sizes = np.bincount(bin_of_image, minlength=len(used))
    # Sums over values and counts, never over images in their order, so that rounding repeats too.
    value_bins = np.searchsorted(used, bin_of_value)
    sums = np.bincount(value_bins, weights=values * counts, minlength=len(used))
    defects = np.bincount(bin_of_image, weights=y, minlength=len(used))
    return np.column_stack([sums / sizes, defects / sizes, sizes])


def calibration_error(y: np.ndarray, probability: np.ndarray, bins: int = BINS) -> float:
    """Return the mean distance between predicted probability and share of defects over the bins.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    probability : float array, shape (n,)
    bins : int
        See `calibration_curve`.

    Returns
    -------
    float
        NaN without images, or without probabilities.
    """
    if not len(y) or np.isnan(probability).any():
        return float("nan")
    curve = calibration_curve(y, probability, bins)
    return float(np.average(np.abs(curve[:, 0] - curve[:, 1]), weights=curve[:, 2]))


def _log_odds(score: np.ndarray, score_kind: str) -> np.ndarray:
    """Return log-odds; probabilities of exactly 0 and 1 count as the nearest numbers between."""
    if score_kind == "decision":
        return np.asarray(score, float)
    from scipy.special import logit

    return logit(np.clip(score, np.finfo(float).tiny, np.nextafter(1.0, 0.0)))


def _distinct(score: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Set apart probabilities that rounding made equal though their scores differ.

    Parameters
    ----------
    score : float array, shape (n,)
        Probabilities rise with it.
    probability : float array, shape (n,)

    Returns
    -------
    float array, shape (n,)
        As `probability`, within 0 to 1, each moved by as many steps of double precision as it takes.
    """
    _, first, inverse = np.unique(score, return_index=True, return_inverse=True)
    rising = probability[first].copy()
    for k in np.flatnonzero(np.diff(rising) <= 0)[::-1]:
        # A run of ties is walked downwards from its upper end.
        while k >= 0 and rising[k] >= rising[k + 1] > 0:
            rising[k] = np.nextafter(rising[k + 1], 0.0)
            k -= 1
    for k in range(1, len(rising) if len(rising) and (np.diff(rising) <= 0).any() else 0):
        rising[k] = max(rising[k], np.nextafter(rising[k - 1], 1.0))
    return rising[inverse]


_VIEWS = frozenset({View.INSPECTION})
BRIER = Metric(
    "brier",
    "Brier",
    lambda s: brier(s.y_test, probabilities(s)),
    higher_is_better=False,
    interval=True,
    views=_VIEWS,
)
CALIBRATION_ERROR = Metric(
    "calibration_error",
    "Calibration error",
    lambda s: calibration_error(s.y_test, probabilities(s)),
    higher_is_better=False,
    views=_VIEWS,
)

"""What each metric is compared with: a library's function, or a plain loop."""

import itertools

import numpy as np
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    recall_score,
    roc_auc_score,
)


def thresholds(score):
    """All thresholds that differ, ascending: the lowest score, the middles, just above the highest."""
    values = sorted(set(score.tolist()))
    middles = [(low + high) / 2 for low, high in itertools.pairwise(values)]
    return [values[0], *middles, np.nextafter(values[-1], np.inf)]


def counts(y, score, threshold):
    """Escapes and overkills at a threshold."""
    pairs = list(zip(y.tolist(), score.tolist(), strict=True))
    escapes = sum(1 for label, value in pairs if label == 1 and value < threshold)
    return escapes, sum(1 for label, value in pairs if label == 0 and value >= threshold)


def rates(y, score):
    """Escape rate and overkill rate at every threshold."""
    for threshold in thresholds(score):
        escapes, overkills = counts(y, score, threshold)
        yield escapes / sum(y == 1), overkills / sum(y == 0)


def overkill_at(s, found):
    return min(over for escapes, over in rates(s.y_test, s.score_test) if 1 - escapes >= found - 1e-9)


def escapes_at(s, overkill):
    return min(escapes for escapes, over in rates(s.y_test, s.score_test) if over <= overkill + 1e-9)


def expected_cost(s):
    def cost(y, score, threshold):
        escapes, overkills = counts(y, score, threshold)
        return 20 * escapes + overkills

    cheapest = min(thresholds(s.score_valid), key=lambda t: cost(s.y_valid, s.score_valid, t))
    return cost(s.y_test, s.score_test, cheapest) / len(s.y_test)


def provable(s):
    return 0.05 ** (1 / sum(s.y_valid == 1))


def operating_threshold(s):
    lowest = sorted(s.score_valid[s.y_valid == 1].tolist())
    # So many defects may lie below the threshold that fewer are improbable.
    tolerated = [n for n in range(len(lowest)) if binom.cdf(n, len(lowest), 0.005) <= 0.05]
    limit = lowest[max(tolerated, default=0)]
    overkills = {t: counts(s.y_valid, s.score_valid, t)[1] for t in thresholds(s.score_valid)}
    highest = max(t for t in overkills if t <= limit)
    return min(t for t in overkills if overkills[t] == overkills[highest])


def at_operating_point(s):
    escapes, overkills = counts(s.y_test, s.score_test, operating_threshold(s))
    return escapes / sum(s.y_test == 1), overkills / sum(s.y_test == 0)


def probabilities(s):
    if s.score_kind == "probability":
        return s.score_test
    spread = np.std(s.score_valid)
    model = LogisticRegression(C=1e6).fit(s.score_valid[:, None] / spread, s.y_valid)
    return model.predict_proba(s.score_test[:, None] / spread)[:, 1]


def calibration_error(s):
    probability = probabilities(s)
    order, bounds = sorted(probability), np.array_split(range(len(probability)), 10)
    bins = {}
    for label, value in zip(s.y_test, probability, strict=True):
        # Equal values share the bin of their middle rank.
        first, number = order.index(value), list(probability).count(value)
        middle = first + (number - 1) // 2
        bins.setdefault(next(k for k, ranks in enumerate(bounds) if middle in ranks), []).append(
            (value, label)
        )
    return sum(abs(sum(value - label for value, label in each)) for each in bins.values()) / len(probability)


REFERENCES = {
    "roc_auc": lambda s: roc_auc_score(s.y_test, s.score_test),
    "average_precision": lambda s: average_precision_score(s.y_test, s.score_test),
    "accuracy": lambda s: accuracy_score(s.y_test, s.predicted),
    "balanced_accuracy": lambda s: balanced_accuracy_score(s.y_test, s.predicted),
    "f1": lambda s: f1_score(s.y_test, s.predicted, zero_division=0),
    "escape": lambda s: 1 - recall_score(s.y_test, s.predicted),
    "overkill": lambda s: 1 - recall_score(s.y_test, s.predicted, pos_label=0),
    **{
        name: lambda s, i=i: confusion_matrix(s.y_test, s.predicted).ravel()[i]
        for i, name in enumerate(("tn", "fp", "fn", "tp"))
    },
    **{
        f"overkill_at_tpr_{per_mille}_roc": lambda s, found=per_mille: overkill_at(s, int(found) / 1000)
        for per_mille in ("991", "993", "995", "997", "1000")
    },
    **{
        f"escapes_at_fpr_{per_mille}_roc": lambda s, over=per_mille: escapes_at(s, int(over) / 1000)
        for per_mille in ("010", "050")
    },
    "expected_cost": expected_cost,
    "provable_recall": provable,
    "operating_recall": lambda s: min(0.995, provable(s)),
    "operating_threshold": operating_threshold,
    "escapes_at_operating_point": lambda s: at_operating_point(s)[0],
    "overkill_at_operating_point": lambda s: at_operating_point(s)[1],
    "brier": lambda s: brier_score_loss(s.y_test, probabilities(s)),
    "calibration_error": calibration_error,
}

"""Thresholds that depend on which images the valid split happened to hold."""

from collections.abc import Iterator

import numpy as np

from results.checks.base.data import RunData, named
from results.checks.base.spec import Check, Finding, Severity
from results.metrics import Scored
from results.metrics.thresholds import valid_threshold
from results.notes import percent

DRAWS, SEED = 200, 0
#: Widest range of a rate over 90% of the resamples that passes.
WIDEST = 0.2


def _find(data: RunData) -> Iterator[Finding]:
    for row in data.best.values():
        scored = data.scored(row)
        if not scored.has_both or not scored.has_decisions:
            continue
        rates = redrawn_rates(scored)
        low, high = np.quantile(rates, [0.05, 0.95], axis=0)
        if (high - low).max() > WIDEST:
            yield Finding(
                f"{named(row.key)}: with resampled valid images the threshold gives {percent(low[0])} "
                f"to {percent(high[0])} escapes and {percent(low[1])} to {percent(high[1])} overkill on test "
                "(90% of the resamples)",
                {
                    "escape_low": low[0],
                    "escape_high": high[0],
                    "overkill_low": low[1],
                    "overkill_high": high[1],
                },
            )


def redrawn_rates(scored: Scored, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """Return escape and overkill rate on test at thresholds chosen on resampled valid images.

    Parameters
    ----------
    scored : Scored
        Groups of the valid split are drawn whole.
    draws : int
    seed : int

    Returns
    -------
    float array, shape (draws, 2)
    """
    y, score = scored.y_valid, scored.score_valid
    codes = np.arange(len(y))
    if scored.groups_valid is not None:
        codes = np.unique(scored.groups_valid, return_inverse=True)[1]
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    rng = np.random.default_rng(seed)
    good, bad = (np.sort(scored.score_test[scored.y_test == label]) for label in (0, 1))
    rates = np.empty((draws, 2))
    for draw in range(draws):
        rows = np.concatenate([members[k] for k in rng.integers(len(members), size=len(members))])
        threshold = valid_threshold(y[rows], score[rows])
        rates[draw] = (
            np.searchsorted(bad, threshold) / len(bad),
            1 - np.searchsorted(good, threshold) / len(good),
        )
    return rates


CHECK = Check(
    "DB402",
    "threshold_unstable",
    Severity.WARNING,
    "a row has a threshold chosen on the valid split",
    "Accuracy, F1, escapes and overkill of this row would be others with other valid images. ROC AUC is not "
    "affected.",
    "Enlarge the valid split, or choose the threshold yourself from the curve of overkill and escapes.",
    _find,
)

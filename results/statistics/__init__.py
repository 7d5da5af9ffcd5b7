"""Intervals and tests: how sure a figure is, and whether one model really beats another."""

from results.statistics.best import best_group
from results.statistics.bounded import (
    effective_size,
    mean_interval,
    proportion_interval,
    score_auc_interval,
    wilson_interval,
)
from results.statistics.delong import auc_interval, delong_test
from results.statistics.paired import compare_pairs, mcnemar_test
from results.statistics.prediction import prediction_interval, t_interval
from results.statistics.repeated import corrected_t_test
from results.statistics.resampled import average_precision_interval, decision_intervals

__all__ = [
    "auc_interval",
    "average_precision_interval",
    "best_group",
    "compare_pairs",
    "corrected_t_test",
    "decision_intervals",
    "delong_test",
    "effective_size",
    "mcnemar_test",
    "mean_interval",
    "prediction_interval",
    "proportion_interval",
    "score_auc_interval",
    "t_interval",
    "wilson_interval",
]

"""Intervals and tests: how sure a figure is, and whether one model really beats another."""

from results.statistics.delong import auc_interval, delong_test
from results.statistics.paired import best_group, compare_pairs, mcnemar_test
from results.statistics.repeated import corrected_t_test
from results.statistics.resampled import average_precision_interval, decision_intervals, wilson_interval

__all__ = [
    "auc_interval",
    "average_precision_interval",
    "best_group",
    "compare_pairs",
    "corrected_t_test",
    "decision_intervals",
    "delong_test",
    "mcnemar_test",
    "wilson_interval",
]

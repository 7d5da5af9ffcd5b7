"""The registry of checks: a new one is one module with its `CHECK` and one entry here.

Listing the checks imports neither scipy nor scikit-learn.
"""

from collections.abc import Iterable

import pandas as pd

from results.checks import (
    calibration_poor,
    copies_across_splits,
    copies_with_two_labels,
    embeddings_degenerate,
    equal_recalls,
    few_groups,
    few_of_a_class,
    few_test_images,
    few_valid_images,
    grid_edge,
    groups_divided,
    label_noise,
    many_rows,
    near_copies,
    no_decisions,
    not_converged,
    random_control,
    recall_not_provable,
    single_feature,
    threshold_unstable,
    training_not_ended,
    valid_and_test,
)
from results.checks.base.data import RunData
from results.checks.base.spec import Check, CheckResult, Finding, Severity
from results.checks.base.table import (
    COLUMNS,
    findings_table,
    found,
    has_errors,
    lines_of,
    unchecked_lines,
    without,
)
from results.errors import PredictionsError

_REGISTRY: dict[str, Check] = {
    check.code: check
    for check in (
        copies_across_splits.CHECK,
        near_copies.CHECK,
        groups_divided.CHECK,
        single_feature.CHECK,
        label_noise.CHECK,
        copies_with_two_labels.CHECK,
        few_test_images.CHECK,
        equal_recalls.CHECK,
        recall_not_provable.CHECK,
        few_groups.CHECK,
        few_valid_images.CHECK,
        few_of_a_class.CHECK,
        grid_edge.CHECK,
        not_converged.CHECK,
        training_not_ended.CHECK,
        valid_and_test.CHECK,
        threshold_unstable.CHECK,
        random_control.CHECK,
        calibration_poor.CHECK,
        many_rows.CHECK,
        no_decisions.CHECK,
        embeddings_degenerate.CHECK,
    )
}

__all__ = [
    "COLUMNS",
    "Check",
    "CheckResult",
    "Finding",
    "RunData",
    "Severity",
    "check_run",
    "codes",
    "findings_table",
    "found",
    "get_check",
    "has_errors",
    "known_codes",
    "lines_of",
    "results_of",
    "unchecked_lines",
    "without",
]


def codes() -> list[str]:
    """Return the codes of all checks."""
    return list(_REGISTRY)


def get_check(code: str) -> Check:
    """Return the check of a code, in capitals or not.

    Raises
    ------
    PredictionsError
        If there is no such check; the message lists the codes.
    """
    known = code.strip().upper()
    if known not in _REGISTRY:
        raise PredictionsError(f"no check {code!r}; there are: {', '.join(_REGISTRY)}")
    return _REGISTRY[known]


def known_codes(codes: Iterable[str]) -> tuple[str, ...]:
    """Return codes as the registry writes them.

    Raises
    ------
    PredictionsError
        For a code without a check.

    Examples
    --------
    >>> known_codes(["db104"])
    ('DB104',)
    """
    return tuple(get_check(code).code for code in codes)


def check_run(data: RunData) -> pd.DataFrame:
    """Return what all checks find in a run; see `results.checks.base.table.findings_table`."""
    return findings_table(results_of(data))


def results_of(data: RunData) -> list[CheckResult]:
    """Return what each check finds in a run, and how long it takes."""
    return [check.run(data) for check in _REGISTRY.values()]

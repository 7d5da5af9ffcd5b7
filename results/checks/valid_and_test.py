"""Valid and test splits whose figures differ by more than chance."""

from collections.abc import Iterator

import numpy as np

from results.checks.base.data import RunData, named
from results.checks.base.spec import Check, Finding, Severity
from results.predictions import Row

#: Probability of a finding in a run where all images are drawn alike.
LEVEL = 0.01


def _find(data: RunData) -> Iterator[Finding]:
    tests = 2 * len(data.rows)
    for row in data.rows:
        areas = _areas(row)
        if areas is not None:
            valid, test, p = areas
            if p * tests < LEVEL:
                yield Finding(
                    f"{named(row.key)}: ROC AUC {valid:.3f} on valid and {test:.3f} on test "
                    f"(p = {min(1.0, p * tests):.2g}, corrected for {tests} tests)",
                    {"valid_auc": valid, "test_auc": test, "p": p},
                )
        escapes = _escapes(row)
        if escapes is not None:
            count, defects, p = escapes
            if p * tests < LEVEL:
                yield Finding(
                    f"{named(row.key)}: {count} of {defects} test defects score below the defects of the "
                    f"valid split that the operating point rests on (p = {p * tests:.2g}, corrected for "
                    f"{tests} tests)",
                    {"escapes": count, "p": p},
                )


def _areas(row: Row) -> tuple[float, float, float] | None:
    """Return the ROC AUC on valid and test and the p-value of their difference, two independent samples."""
    from scipy.stats import norm
    from scipy.stats import t as student

    from results.statistics.delong import areas_of

    try:
        valid, test = (areas_of(*row.part(split), row.groups(split)) for split in ("valid", "test"))
    except ValueError:
        # Fewer than two images of a class.
        return None
    variances = [float(each.covariance[0, 0]) for each in (valid, test)]
    # An area of 1 has no variance; one more pair ranked wrongly would give about this much.
    least = [1.0 / (12 * each.defects * each.good) for each in (valid, test)]
    spread = float(np.sqrt(sum(map(max, variances, least))))
    z = float(valid.auc[0] - test.auc[0]) / spread
    freedom = min(valid.freedom, test.freedom)
    p = 2 * float(norm.sf(abs(z)) if np.isinf(freedom) else student.sf(abs(z), max(freedom, 1)))
    return float(valid.auc[0]), float(test.auc[0]), p


def _escapes(row: Row) -> tuple[int, int, float] | None:
    """Return how many test defects lie below the valid defects that prove the recall, and how likely that is.

    Where all defects are drawn alike, the number of test defects below the valid defect of a given rank has
    a negative hypergeometric distribution, whatever the scores.
    """
    if row.groups("valid") is not None or row.groups("test") is not None:
        return None
    from scipy.stats import hypergeom

    from results.metrics.operating import WANTED_RECALL, tolerated_escapes

    parts = [row.part(split) for split in ("valid", "test")]
    valid, test = (np.sort(score[y == 1]) for y, score in parts)
    if not len(valid) or not len(test):
        return None
    tolerated = min(tolerated_escapes(len(valid), WANTED_RECALL) or 0, len(valid) - 1)
    count = int((test < valid[tolerated]).sum())
    if not count:
        return 0, len(test), 1.0
    p = hypergeom.cdf(tolerated, len(valid) + len(test), len(valid), tolerated + count)
    return count, len(test), float(p)


CHECK = Check(
    "DB401",
    "valid_and_test_disagree",
    Severity.WARNING,
    "both splits hold two good images and two defects",
    "The images of the two splits differ, or the choice on the valid split went too far. Thresholds chosen "
    "on valid do not hold on test.",
    "Look at how the images were divided (days, lots, cameras); use --split group or --repeats.",
    _find,
)

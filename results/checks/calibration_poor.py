"""Predicted probabilities that differ from the observed share of defects."""

from collections.abc import Iterator

import numpy as np

from results.checks.base.data import RunData, named
from results.checks.base.spec import Check, Finding, Severity

#: Calibration error that passes in any case; probability of a finding where all rows are calibrated.
LARGEST, LEVEL = 0.05, 0.05
DRAWS, SEED = 200, 0


def _find(data: RunData) -> Iterator[Finding]:
    from results.metrics.probability import calibration_error

    rows = [row for row in data.rows if data.scored(row).score_kind == "probability"]
    for row in rows:
        scored = data.scored(row)
        if not scored.has_both:
            continue
        y, probability = scored.y_test, np.clip(scored.score_test, 0.0, 1.0)
        error = calibration_error(y, probability)
        if error <= LARGEST:
            continue
        usual = largest_by_chance(y, probability, scored.groups_test, LEVEL / len(rows))
        if error > usual:
            yield Finding(
                f"{named(row.key)}: predicted probabilities differ from the share of defects by {error:.3f} "
                f"on average (up to {usual:.3f} would be chance); they average {probability.mean():.2f}, "
                f"the defects {y.mean():.2f}",
                {"calibration_error": error, "by_chance": usual},
            )


def largest_by_chance(
    y: np.ndarray, probability: np.ndarray, groups: np.ndarray | None, level: float
) -> float:
    """Return the calibration error that true probabilities exceed with this probability, by simulation.

    The simulated errors are extrapolated to small levels by their mean and deviation. Where images come in
    groups they grow with the root of the images that one independent image stands for.
    """
    from scipy.stats import norm

    from results.metrics.probability import calibration_error
    from results.statistics import effective_size

    rng = np.random.default_rng(SEED)
    errors = np.array(
        [calibration_error((rng.random(len(y)) < probability).astype(int), probability) for _ in range(DRAWS)]
    )
    limit = float(errors.mean() + norm.isf(level) * errors.std())
    design = len(y) / max(effective_size((y - probability + 1) / 2, groups), 1.0)
    return limit * max(design, 1.0) ** 0.5


CHECK = Check(
    "DB404",
    "calibration_poor",
    Severity.INFO,
    "a row has probabilities, and the test split holds both classes",
    "A probability of this row is not the share of defects among such images. Ranking, thresholds and the "
    "confusion matrix are not affected.",
    "Use `defectbench table RUN --calibrate temperature` (or sigmoid, isotonic) before you read "
    "probabilities.",
    _find,
)

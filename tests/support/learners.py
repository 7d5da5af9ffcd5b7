"""Learners whose curves are known, for tests of learning curves."""

import numpy as np
from scipy.stats import norm

from results.curves.learner import Learner

#: As `defectbench curve elpv` measures them: train images, and labels with the valid images.
SIZES = (128, 256, 512, 1024, 1574)
LABELS_PER_IMAGE = 1.25
DEFECTS, GOOD = 205, 451


def head_auc(labels):
    """Area of the simulated head in the population."""
    return 0.905 - 1.2 * labels**-0.55


def network_auc(labels, crossing, slope):
    """Area of the simulated network: below the head's before the crossing, above it behind."""
    return head_auc(labels) + slope * np.log(labels / crossing) / (1 + 0.1 * np.log(labels / crossing) ** 2)


def learners(
    seed, crossing=700.0, *, sizes=SIZES, draws=(10, 5), defects=DEFECTS, good=GOOD, spread=0.12, slope=0.02
):
    """A head and a network whose areas in the population cross at this number of labels.

    Scores are binormal. Test images have a difficulty that all models share; a draw of training images helps
    or harms both models of the draw, at all sizes but the last, which is measured once.
    """
    rng = np.random.default_rng(seed)
    y = np.repeat([1, 0], [defects, good])
    difficulty = rng.normal(size=len(y))
    luck = rng.normal(size=max(draws))
    made = []
    for kind, count, auc in (
        ("head", draws[0], head_auc),
        ("network", draws[1], lambda labels: network_auc(labels, crossing, slope)),
    ):
        style = rng.normal(size=len(y))
        scores, labels = {}, {}
        for size in sizes:
            labels[size] = size * LABELS_PER_IMAGE
            scores[size] = {}
            for draw in range(1 if size == sizes[-1] else count):
                noise = 0.6 * luck[draw] + 0.8 * rng.normal()
                reached = np.clip(auc(labels[size]) + spread / np.sqrt(labels[size]) * noise, 0.5, 0.999)
                mu = np.sqrt(2) * norm.ppf(reached)
                scores[size][draw] = (
                    mu * y + 0.7 * difficulty + 0.4 * style + np.sqrt(0.35) * rng.normal(size=len(y))
                )
        made.append(Learner(f"simulated {kind}", kind, y, None, labels, scores))
    return made

"""What a guess that knows no image reaches: a figure means something beside these."""

from dataclasses import replace

import numpy as np

from results.metrics.localisation.base import Located, LocationMetric

CENTRE, RANDOM, UNIFORM = "centre point", "uniform random point", "uniform map"
NAMES = (CENTRE, RANDOM, UNIFORM)
#: One sentence on each, for people who read the report.
MEANINGS = {
    CENTRE: "The hottest point is always the middle of the image.",
    RANDOM: "The hottest point is drawn at random: the mean over all pixels.",
    UNIFORM: "The evidence is spread evenly over the image.",
}


def baseline(name: str, located: Located) -> Located:
    """Return an image with the map of a baseline.

    Parameters
    ----------
    name : str
        `centre point`: all heat in the middle. `uniform random point` and `uniform map`: the same heat
        everywhere; the mean over all tied pixels is the exact expectation over a random point.
    located : Located
        Any map of the image.
    """
    heat = np.ones_like(located.heat)
    if name == CENTRE:
        height, width = heat.shape[0], heat.shape[1]
        heat[:] = 0
        # Two pixels tie along a side of even length.
        heat[(height - 1) // 2 : height // 2 + 1, (width - 1) // 2 : width // 2 + 1] = 1
    return replace(located, heat=heat)


def applies(name: str, metric: LocationMetric) -> bool:
    """Return whether a metric says something about a baseline: points have no area, a map has no peak."""
    return metric.of_point == (name != UNIFORM)

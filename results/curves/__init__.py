"""Learning curves: their points, bands, the crossing of head and network, and what more data may give."""

from results.curves.bands import bands_table
from results.curves.crossing import Crossing, crossing_of
from results.curves.extrapolation import Extrapolation, extrapolate
from results.curves.learner import Learner, learners_of
from results.curves.points import HEAD, NETWORK, Point, points_table
from results.curves.summary import Curves, make_curves

__all__ = [
    "HEAD",
    "NETWORK",
    "Crossing",
    "Curves",
    "Extrapolation",
    "Learner",
    "Point",
    "bands_table",
    "crossing_of",
    "extrapolate",
    "learners_of",
    "make_curves",
    "points_table",
]

"""Metrics of the share of the evidence that lies in the regions."""

from results.metrics.localisation.base import Located, LocationMetric


def energy_inside(located: Located) -> float:
    """Return the share of the positive evidence that lies in the regions; 0 for a map without any.

    References
    ----------
    Wang et al., Score-CAM: score-weighted visual explanations for convolutional neural networks, CVPR
    workshops 2020 (energy-based pointing game).
    """
    total = float(located.evidence.sum(dtype=float))
    return float(located.evidence[located.inside].sum(dtype=float)) / total if total > 0 else 0.0


def energy_lift(located: Located) -> float:
    """Return the share of the evidence divided by the share of the area; 1 for a uniform map."""
    return energy_inside(located) / float(located.inside.mean())


ENERGY = LocationMetric(
    "energy_inside", "Energy in box", energy_inside, unit="%", digits=1,
    meaning="Share of the evidence for a defect that lies inside the boxes or masks.",
)  # fmt: skip
LIFT = LocationMetric(
    "energy_lift", "Energy / area", energy_lift, digits=2,
    meaning="Energy in box divided by the share of the image that the boxes cover: 1 is no better than "
    "evidence spread evenly over the image.",
)  # fmt: skip

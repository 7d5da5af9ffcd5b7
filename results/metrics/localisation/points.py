"""Metrics of the hottest pixel."""

import numpy as np

from results.metrics.localisation.base import Located, LocationMetric

#: Width of the border of an image, pixels.
BORDER_PIXELS = 30
#: More hottest pixels than this get their distances from a table of all pixels.
_FEW = 16


def pointing_game(located: Located) -> float:
    """Return 1 where the hottest pixel lies in a region, else 0; the share of those that tie.

    References
    ----------
    Zhang et al., Top-down neural attention by excitation backprop, IJCV 126, 2018.
    """
    return float(located.inside[located.peaks].mean())


def distance_to_region(located: Located) -> float:
    """Return the distance from the hottest pixel to the nearest pixel of a region; 0 inside."""
    y, x = located.peaks
    if len(y) > _FEW:
        # A module of its own takes a tenth of a second to import.
        from scipy.ndimage import distance_transform_edt

        return float(distance_transform_edt(~located.inside)[y, x].mean())
    rows, columns = np.nonzero(located.inside)
    apart = np.hypot(y[:, None] - rows, x[:, None] - columns)
    return float(apart.min(axis=1).mean())


def distance_to_centre(located: Located) -> float:
    """Return the distance from the hottest pixel to the nearest centre of a region's box."""
    y, x = located.peaks
    x1, y1, x2, y2 = located.boxes.T
    apart = np.hypot(y[:, None] - (y1 + y2) / 2, x[:, None] - (x1 + x2) / 2)
    return float(apart.min(axis=1).mean())


def peaks_at_border(located: Located) -> float:
    """Return 1 where the hottest pixel lies in the outer 30 pixels of the whole image, else 0."""
    y, x = located.peaks
    left, top = located.offset
    height, width = located.size or located.heat.shape
    y, x = y + top, x + left
    near = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
    return float((near < BORDER_PIXELS).mean())


POINTING = LocationMetric(
    "pointing_game", "Pointing game", pointing_game, unit="%", digits=1, of_point=True,
    meaning="Share of the defects whose map is hottest inside the box or mask.",
)  # fmt: skip
DISTANCE = LocationMetric(
    "peak_distance", "Peak to box, px", distance_to_region, False, "px", 1, of_point=True,
    meaning="Mean distance in pixels from the hottest point to the nearest box or mask; 0 where it is "
    "inside.",
)  # fmt: skip
CENTRE_DISTANCE = LocationMetric(
    "centre_distance", "Peak to centre, px", distance_to_centre, False, "px", 1, of_point=True,
    meaning="Mean distance in pixels from the hottest point to the nearest centre of a box.",
)  # fmt: skip
BORDER = LocationMetric(
    "peaks_at_border", "Peaks at border", peaks_at_border, False, "%", 1, needs_region=False, of_point=True,
    meaning="Share of the defective images whose map is hottest in the outer 30 pixels: a high share "
    "suggests that the model looks at the edge of the part and not at the defect.",
)  # fmt: skip

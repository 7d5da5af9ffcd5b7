"""A heat map in the pixels of its image, beside the regions of the defects."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: Relative difference below which two values of a map count as equal.
_TIE = 1e-6


@dataclass(frozen=True, eq=False)
class Located:
    """One map and where the defects are.

    Parameters
    ----------
    heat : float array, shape (height, width)
        Evidence for a defect at each pixel of the part of the image that the model sees; not normalised, may
        be negative.
    regions : bool array, shape (n_regions, height, width)
        Pixels of each region.
    boxes : float array, shape (n_regions, 4)
        x1, y1, x2, y2 of each region in pixels, inclusive.
    offset : (int, int)
        x and y of the top left pixel of `heat` in the whole image.
    size : (int, int), optional
        Height and width of the whole image; by default those of `heat`.
    threshold : float
        Share of the largest heat from which a pixel counts as marked, for the intersection over union.
    """

    heat: np.ndarray
    regions: np.ndarray
    boxes: np.ndarray
    offset: tuple[int, int] = (0, 0)
    size: tuple[int, int] | None = None
    threshold: float = 0.5

    @cached_property
    def inside(self) -> np.ndarray:
        """bool array, shape (height, width): pixels of any region."""
        return np.logical_or.reduce(self.regions, axis=0)

    @cached_property
    def evidence(self) -> np.ndarray:
        """The positive part of the heat."""
        return np.maximum(self.heat, 0)

    @cached_property
    def peaks(self) -> tuple[np.ndarray, np.ndarray]:
        """y and x of the hottest pixels: one, or all that tie, as all pixels of a uniform map do."""
        top, low = self.heat.max(), self.heat.min()
        y, x = np.nonzero(self.heat >= top - _TIE * max(abs(top), abs(low), 1e-30))
        return y, x


@dataclass(frozen=True)
class LocationMetric:
    """One entry of the registry.

    Parameters
    ----------
    name : str
        Column of the table.
    title : str
        Heading.
    compute : callable
        `Located` to a number; where several pixels tie as the hottest, their mean.
    higher_is_better : bool or None
    unit : str
        `%` for a share, `px` for pixels, or empty.
    digits : int
        Decimals shown.
    needs_region : bool
        Whether it is defined only where there is a region.
    of_point : bool
        Whether it depends on the hottest pixel alone.
    meaning : str
        One sentence on what it says, for people who read the report.

    Examples
    --------
    >>> LocationMetric("peak", "Peak", lambda located: float(located.heat.max())).name
    'peak'
    """

    name: str
    title: str
    compute: Callable[[Located], float]
    higher_is_better: bool | None = True
    unit: str = ""
    digits: int = 3
    needs_region: bool = True
    of_point: bool = False
    meaning: str = ""

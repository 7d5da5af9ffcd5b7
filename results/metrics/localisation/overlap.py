"""Metrics of the overlap of a map with the regions."""

from collections.abc import Iterable, Sequence

import numpy as np

from results.metrics.localisation.base import Located, LocationMetric

THRESHOLDS = np.arange(1, 20) / 20
#: Largest share of false positive pixels up to which the per-region overlap is integrated.
FPR_LIMIT = 0.3


def intersection_over_union(located: Located) -> float:
    """Return the overlap of the regions with the pixels whose heat reaches the threshold."""
    return float(_overlaps(located, np.array([located.threshold]))[0])


def choose_threshold(valid: Iterable[Located]) -> float:
    """Return the threshold with the highest mean intersection over union; 0.5 without any map.

    Parameters
    ----------
    valid : iterable of Located
        Maps with regions of the valid split.
    """
    found = [_overlaps(located, THRESHOLDS) for located in valid]
    return float(THRESHOLDS[int(np.mean(found, axis=0).argmax())]) if found else 0.5


def _overlaps(located: Located, thresholds: np.ndarray) -> np.ndarray:
    top = located.evidence.max()
    if top <= 0:
        return np.zeros(len(thresholds))
    limits = thresholds * top
    inside = np.sort(located.evidence[located.inside])
    outside = np.sort(located.evidence[~located.inside])
    common = len(inside) - np.searchsorted(inside, limits)
    return common / (len(inside) + len(outside) - np.searchsorted(outside, limits))


def per_region_overlap(maps: Sequence[Located], limit: float = FPR_LIMIT) -> float:
    """Return the area under the per-region-overlap curve up to a share of false positive pixels.

    Each region counts the same whatever its size. The pixels of all images are sorted once. The area is
    divided by `limit`, so that it lies between 0 and 1; a uniform map has `limit` / 2.

    Parameters
    ----------
    maps : sequence of Located
        Those of good images too: all their pixels are negative.
    limit : float
        Largest share of negative pixels.

    Returns
    -------
    float
        NaN without a region or without a negative pixel.

    References
    ----------
    Bergmann et al., The MVTec anomaly detection dataset, IJCV 129, 2021.
    """
    regions = sum(len(each.regions) for each in maps)
    negatives = sum(int((~each.inside).sum()) for each in maps)
    if not regions or not negatives:
        return float("nan")
    heat = np.concatenate([each.heat.ravel() for each in maps]).astype(np.float32)
    gain = np.concatenate([_gain(each).ravel() for each in maps])
    outside = np.concatenate([~each.inside.ravel() for each in maps])
    order = np.argsort(-heat, kind="stable")
    # Pixels of equal heat are marked together.
    last = np.append(np.diff(heat[order]) != 0, True)
    fpr = np.cumsum(outside[order])[last] / negatives
    pro = np.minimum(np.cumsum(gain[order])[last] / regions, 1.0)
    return area_below(fpr, pro, limit)


def curve_counts(
    maps: Sequence[Located], levels: int = 200
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the per-region-overlap curve of each image at common levels of heat.

    Parameters
    ----------
    maps : sequence of Located
    levels : int
        Quantiles of the heat outside of the regions, from the hottest down to beyond `FPR_LIMIT`.

    Returns
    -------
    gain, false : float array, shape (n, levels)
        Sum of the overlaps of an image's regions, and its false positive pixels, at each level.
    regions, negatives : float array, shape (n,)
    """
    heat = np.concatenate([each.heat[~each.inside] for each in maps])
    limits = np.quantile(heat, 1 - np.linspace(0, min(2 * FPR_LIMIT, 1), levels))
    gain, false = np.zeros((len(maps), levels)), np.zeros((len(maps), levels))
    for row, each in enumerate(maps):
        false[row] = _reaching(each.heat[~each.inside], limits)
        for region in each.regions:
            gain[row] += _reaching(each.heat[region], limits) / region.sum()
    regions = np.array([len(each.regions) for each in maps], float)
    negatives = np.array([(~each.inside).sum() for each in maps], float)
    return gain, false, regions, negatives


def _reaching(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    return len(values) - np.searchsorted(np.sort(values), limits)


def _gain(located: Located) -> np.ndarray:
    """Return what each pixel adds to the sum of the overlaps of the regions."""
    gain = np.zeros(located.heat.shape)
    for region in located.regions:
        gain[region] += 1 / region.sum()
    return gain


def area_below(fpr: np.ndarray, pro: np.ndarray, limit: float = FPR_LIMIT) -> float:
    """Return the area below a per-region-overlap curve up to `limit`, divided by it.

    Parameters
    ----------
    fpr, pro : float array, shape (n,)
        Share of false positive pixels, rising, and mean overlap at each level. The curve begins at 0 and
        stays level after its last point.
    limit : float
    """
    x, y = np.append(0.0, fpr), np.append(0.0, pro)
    stop = int(np.searchsorted(x, limit, side="right"))
    at_limit = y[-1]
    if stop < len(x):
        share = (limit - x[stop - 1]) / (x[stop] - x[stop - 1])
        at_limit = y[stop - 1] + share * (y[stop] - y[stop - 1])
    x, y = np.append(x[:stop], limit), np.append(y[:stop], at_limit)
    return min(max(float(np.trapezoid(y, x)) / limit, 0.0), 1.0)


IOU = LocationMetric(
    "iou", "IoU", intersection_over_union,
    meaning="Intersection over union of the boxes or masks with the pixels whose heat reaches the threshold; "
    "1 is a perfect match.",
)  # fmt: skip

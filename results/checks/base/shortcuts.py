"""How well a single property of the images predicts the label."""

import re
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
import pandas as pd

_FOLDS, _SEED = 5, 0
#: Neighbours on each side: this number, or this share of the images where that is more.
_SIDE, _SIDE_SHARE = 10, 0.02
#: Weight, in images, of the mean label in the mean over neighbours.
_PRIOR = 4.0


@dataclass(frozen=True)
class Strength:
    """The area under the ROC curve of one property, with its interval."""

    auc: float
    low: float
    high: float


def features_of(images: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the properties of images that differ between them, by their names.

    Parameters
    ----------
    images : DataFrame
        See `results.checks.base.data.RunData`.

    Returns
    -------
    dict of str to float array, shape (n,)
        NaN for an image without the property. Properties that rank the images alike are one entry.
    """
    found: dict[str, np.ndarray] = {}
    plain = {"brightness": "brightness", "contrast": "contrast", "file size": "bytes", "image width": "width",
             "image height": "height", "colour or grey": "channels", "time of exposure": "taken",
             "time of the file": "modified"}  # fmt: skip
    for name, column in plain.items():
        if column in images:
            found[name] = pd.to_numeric(images[column], errors="coerce").to_numpy(float)
    if "path" in images:
        found["number in the file name"] = np.array([number_in(path) for path in images["path"]])
    kept: dict[str, np.ndarray] = {}
    ranks: dict[str, np.ndarray] = {}
    for name, values in found.items():
        known = np.isfinite(values)
        # A property that few images have says nothing of the others.
        if known.mean() < 0.5 or len(np.unique(values[known])) < 2:
            continue
        rank = pd.Series(values).rank(method="average").fillna(0).to_numpy()
        same = next((other for other, has in ranks.items() if np.array_equal(has, rank)), None)
        if same is not None:
            kept[f"{same} (and {name})"] = kept.pop(same)
            ranks[f"{same} (and {name})"] = ranks.pop(same)
        else:
            kept[name], ranks[name] = values, rank
    return kept


def number_in(path: str) -> float:
    """Return the last number in a file name; NaN where there is none.

    Examples
    --------
    >>> number_in("parts/scratch/img_0042.png"), number_in("good_7a.png")
    (42.0, 7.0)
    """
    numbers = re.findall(r"\d+", PurePath(path.replace("\\", "/")).stem)
    # Longer ones are hashes; as a float they would lose digits.
    return float(numbers[-1]) if numbers and len(numbers[-1]) <= 15 else float("nan")


def strength(
    values: np.ndarray, y: np.ndarray, clusters: np.ndarray | None, confidence: float
) -> Strength | None:
    """Return how well one property predicts the label, whatever the form of the relation.

    Images are ranked by the property, in the better of both directions, and by the share of defects among
    images of a similar value in other folds, which also finds blocks and middle values. The larger area
    counts.

    Parameters
    ----------
    values : float array, shape (n,)
        Rows with NaN are left out.
    y : int array of 0 and 1, shape (n,)
    clusters : str array, shape (n,), optional
        Images with one value belong together.
    confidence : float
        Of the interval.

    Returns
    -------
    Strength or None
        None where fewer than two independent images of a class have a value.
    """
    known = np.isfinite(values)
    values, y = values[known], y[known]
    groups = None if clusters is None else clusters[known]
    codes = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    if min(len(np.unique(codes[y == label])) for label in (0, 1)) < 2 or len(np.unique(values)) < 2:
        return None
    candidates = [values, -values, _share_around(values, y, codes)]
    from scipy.stats import norm

    from results.statistics import score_auc_interval
    from results.statistics.delong import TINY, areas_of

    whole = None if len(np.unique(codes)) == len(codes) else codes
    areas = areas_of(y, np.stack(candidates), whole)
    best = int(areas.auc.argmax())
    auc, variance = float(areas.auc[best]), float(areas.covariance[best, best])
    reach = float(norm.ppf(0.5 + confidence / 2)) * max(variance, 0.0) ** 0.5
    if variance <= TINY or auc + reach > 1:
        low, high = score_auc_interval(auc, areas.defects, areas.good, confidence)
    else:
        low, high = auc - reach, auc + reach
    return Strength(auc, float(low), float(high))


def _share_around(values: np.ndarray, y: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the share of defects among the images of similar rank in other folds, shape (n,)."""
    rank = pd.Series(values).rank(method="average").to_numpy()
    side = max(_SIDE, int(_SIDE_SHARE * len(y)))
    fold = np.random.default_rng(_SEED).permutation(codes.max() + 1)[codes] % _FOLDS
    score = np.full(len(y), y.mean())
    for number in range(_FOLDS):
        held, fitted = fold == number, np.flatnonzero(fold != number)
        if not held.any() or not len(fitted):
            continue
        order = fitted[np.argsort(rank[fitted], kind="stable")]
        ordered = rank[order]
        total = np.concatenate([[0.0], np.cumsum(y[order])])
        first = np.searchsorted(ordered, rank[held] - side, "left")
        last = np.searchsorted(ordered, rank[held] + side, "right")
        mean = total[-1] / len(order)
        score[held] = (total[last] - total[first] + _PRIOR * mean) / (last - first + _PRIOR)
    return score

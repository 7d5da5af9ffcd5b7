"""Intervals from images, groups or rates drawn anew."""

import numpy as np

from results.statistics.bounded import wilson_interval

DRAWS = 1000
_CHUNK = 50


def decision_intervals(
    confusion: tuple[int, int, int, int],
    *,
    sizes: tuple[float, float] | None = None,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Return intervals of F1 and balanced accuracy from the counts of decisions.

    The share of defects that are found and the share of good images that are called defective are drawn
    from their posterior distributions under Jeffreys' prior. Unlike images drawn anew, these keep a width
    where no image is decided wrongly or none is found.

    Parameters
    ----------
    confusion : (tn, fp, fn, tp)
        Counts; both classes must occur.
    sizes : (float, float), optional
        Effective number of defects and of good images, where images come in groups.
    confidence : float
    draws : int
    seed : int

    Returns
    -------
    dict
        `f1` and `balanced_accuracy`, each (low, high); they hold the figures themselves.
    """
    tn, fp, fn, tp = confusion
    rng = np.random.default_rng(seed)
    defects, good = tp + fn, tn + fp
    scale = (1.0, 1.0) if sizes is None else (sizes[0] / defects, sizes[1] / good)
    found = rng.beta(tp * scale[0] + 0.5, fn * scale[0] + 0.5, draws)
    false = rng.beta(fp * scale[1] + 0.5, tn * scale[1] + 0.5, draws)

    def f1(found: np.ndarray, false: np.ndarray) -> np.ndarray:
        return 2 * found * defects / (defects + found * defects + false * good)

    def balanced(found: np.ndarray, false: np.ndarray) -> np.ndarray:
        return (found + 1 - false) / 2

    observed = (np.array([tp / defects]), np.array([fp / good]))
    return {
        name: _holding(_percentiles(figure(found, false), confidence), float(figure(*observed)[0]))
        for name, figure in (("f1", f1), ("balanced_accuracy", balanced))
    }


def average_precision_interval(
    y: np.ndarray,
    score: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    size: float | None = None,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the bootstrap's percentile interval of the average precision.

    Each class is drawn in its own number, or groups are drawn whole. Where the interval reflected at the
    figure reaches 1, or has no width, it is widened to Wilson's interval with as many trials as there are
    defects (Boyd, Eng and Page, Area under the precision-recall curve, ECML PKDD 2013), so that a perfect
    figure has an interval.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
    groups : array, shape (n,), optional
    size : float, optional
        Effective number of defects; their number by default.
    confidence : float
    draws : int
    seed : int

    Returns
    -------
    (float, float)
    """
    order = np.argsort(-score, kind="stable")
    y, last = y[order], np.append(np.diff(score[order]) != 0, True)
    rng = np.random.default_rng(seed)
    codes = None if groups is None else np.unique(groups, return_inverse=True)[1][order]
    by_class = [np.flatnonzero(y == value) for value in (0, 1)]
    counts = np.zeros(len(y), int)
    found = np.full(draws, np.nan)
    for draw in range(draws):
        if codes is None:
            for rows in by_class:
                counts[rows] = np.bincount(rng.integers(len(rows), size=len(rows)), minlength=len(rows))
        else:
            number = int(codes.max()) + 1
            counts = np.bincount(rng.integers(number, size=number), minlength=number)[codes]
        if (counts[by_class[1]] > 0).any():
            found[draw] = weighted_average_precision(y, counts, last)
    figure = weighted_average_precision(y, np.ones(len(y), int), last)
    low, high = _holding(_percentiles(found, confidence), figure)
    if 2 * figure - low >= 1 or high - low < 1e-12:
        trials = float(len(by_class[1])) if size is None else size
        other_low, other_high = wilson_interval(figure * trials if figure < 1 else trials, trials, confidence)
        low, high = min(low, other_low), max(high, other_high)
    return low, high


def bootstrap_auc_interval(
    y: np.ndarray,
    score: np.ndarray,
    groups: np.ndarray,
    *,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of the area under the ROC curve over groups drawn anew.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    score : float array, shape (n,)
    groups : array, shape (n,)
    confidence : float
    draws : int
    seed : int

    Returns
    -------
    (float, float)
        Draws without one of the classes are left out.
    """
    order = np.argsort(score, kind="stable")
    y = np.asarray(y)[order]
    starts = np.flatnonzero(np.append(True, np.diff(np.asarray(score)[order]) != 0))
    names, codes = np.unique(groups, return_inverse=True)
    codes = codes[order]
    rng = np.random.default_rng(seed)
    found = []
    for start in range(0, draws, _CHUNK):
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), min(_CHUNK, draws - start))
        weights = drawn[:, codes].astype(float)
        defects = np.add.reduceat(weights * (y == 1), starts, axis=1)
        good = np.add.reduceat(weights * (y == 0), starts, axis=1)
        below = np.cumsum(good, axis=1) - good / 2
        pairs = defects.sum(axis=1) * good.sum(axis=1)
        right = (defects * below).sum(axis=1)
        found.append(np.divide(right, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0))
    return _percentiles(np.concatenate(found), confidence)


def weighted_average_precision(y: np.ndarray, counts: np.ndarray, last: np.ndarray) -> float:
    """Return the average precision of images that occur several times or not at all.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
        Highest score first.
    counts : int array, shape (n,)
        How often each image occurs.
    last : bool array, shape (n,)
        The last of each group of equal scores, which come in together.

    Returns
    -------
    float
    """
    found, called = np.cumsum(counts * y)[last], np.cumsum(counts)[last]
    precision = np.divide(found, called, out=np.zeros(len(found)), where=called > 0)
    return float((np.diff(found, prepend=0) * precision).sum() / found[-1])


def _percentiles(figures: np.ndarray, confidence: float) -> tuple[float, float]:
    low, high = np.nanquantile(figures, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _holding(interval: tuple[float, float], figure: float) -> tuple[float, float]:
    return min(interval[0], figure), max(interval[1], figure)

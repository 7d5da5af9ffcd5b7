"""What makes a row's figures say little: too few images, a missing class, a model that finds nothing."""

import numpy as np

from results.metrics import Scored
from results.metrics.thresholds import OVERKILL
from results.notes import MANY_GROUPS, percent

#: With fewer test images of a class, the table says how many there are.
FEW = 10
#: Said of a row whose threshold finds none of the test defects.
FINDS_NONE = "finds no defect at its threshold"
_CLASSES = ((0, "good image", "good images"), (1, "defect", "defects"))


def finds_nothing(scored: Scored) -> bool:
    """Return whether there are test defects and the threshold chosen on valid finds none of them."""
    _, _, fn, tp = scored.confusion
    return tp == 0 and fn > 0


def cautions_of(scored: Scored) -> list[str]:
    """Return what to keep in mind beside a row's figures.

    Parameters
    ----------
    scored : Scored

    Returns
    -------
    list of str
        Empty where nothing is wrong.

    Examples
    --------
    >>> y, score = np.array([0, 0, 0, 1]), np.arange(4.0)
    >>> cautions_of(Scored(y, score, y, score))
    ['only 3 good images and 1 defect in the test split']
    """
    found = []
    few = []
    for label, one, many in _CLASSES:
        count = int((scored.y_test == label).sum())
        if count == 0:
            found.append(f"no {one} in the test split")
        elif count < FEW:
            few.append(f"{count} {one if count == 1 else many}")
    if few:
        found.append(f"only {' and '.join(few)} in the test split")
    missing = [one for label, one, _ in _CLASSES if not (scored.y_valid == label).any()]
    if missing:
        line = f"no {' and no '.join(missing)} in the valid split to choose a threshold with"
        good = int((scored.y_valid == 0).sum())
        found.append(line if len(missing) == 2 or not good else f"{line}: {_quantile(good)}")
    found += row_cautions(scored)
    groups = group_count(scored)
    if groups is not None and groups < MANY_GROUPS:
        found.append(f"only {groups} independent groups in the test split")
    return found


def row_cautions(scored: Scored) -> list[str]:
    """Return why a row decides nothing: it gives all images one score, or one decision.

    Parameters
    ----------
    scored : Scored

    Returns
    -------
    list of str
        Empty where nothing is wrong.
    """
    found = []
    if len(scored.score_test) > 1 and np.ptp(scored.score_test) == 0:
        found.append("all test scores are equal")
    if finds_nothing(scored):
        found.append(FINDS_NONE)
    elif scored.has_decisions and scored.has_both and not scored.confusion[0]:
        found.append("calls every good image defective at its threshold")
    return found


def group_count(scored: Scored) -> int | None:
    """Return the number of groups in the test split; None where every image stands for itself."""
    return None if scored.groups_test is None else len(np.unique(scored.groups_test))


def _quantile(good: int) -> str:
    """Return how the threshold follows from this number of good valid images."""
    needed = int(np.ceil(1 / OVERKILL - 1))
    if good < needed:
        return f"it lies above all {good} good images; {percent(OVERKILL)} overkill needs {needed}"
    return f"it is chosen for {percent(OVERKILL)} overkill on the good images"

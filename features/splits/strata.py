"""Which images are divided together: classes, or pools of classes that are too small."""

import numpy as np
import pandas as pd

from features.splits.words import counted

#: Images that a class needs to be divided by itself.
LEAST = 8


def make_strata(labels: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the stratum of each image, and notes on classes that are not strata of their own.

    A class of fewer than 8 images is pooled with the other small classes of its kind (good or defective).
    A pool that is still too small joins the largest class of its kind, if there is one.

    Parameters
    ----------
    labels : ndarray of str, shape (n_images,)
    y : ndarray of int, shape (n_images,)
        1 where the image shows a defect, 0 where it is good.

    Returns
    -------
    strata : ndarray of str, shape (n_images,)
    notes : list of str
    """
    labels = np.asarray(labels, dtype=object).astype(str)
    counts = pd.Series(labels).value_counts()
    small = counts[labels].to_numpy() < LEAST
    strata = labels.astype(object)
    notes = []
    for kind, name in ((1, "rare"), (0, "rare good")):
        rows = small & (y == kind)
        if not rows.any():
            continue
        large = counts[
            [label for label in counts.index if counts[label] >= LEAST and (y[labels == label] == kind).all()]
        ]
        home = name
        if rows.sum() < LEAST and len(large):
            home = str(large.index[0])
        strata[rows] = home
        rare = [
            f"{label} ({counted(int(counts[label]), 'image')})"
            for label in counts.index
            if ((labels == label) & rows).any()
        ]
        if len(rare) > 1 or home != name:
            shared = f"class {home}" if home != name else "one another"
            notes.append(
                f"classes too rare to be divided by themselves are pooled with {shared}: {', '.join(rare)}"
            )
    return strata.astype(str), notes

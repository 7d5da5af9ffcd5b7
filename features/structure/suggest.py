"""What to give for `--group`, where a dataset has no groups."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from features.pixels.images import scan_images
from features.structure.fingerprints import Fingerprints
from features.structure.naming import Naming, agreeing, suggestions
from features.structure.neighbours import comparable, nearest

#: Datasets of more images are not read for a suggestion.
MOST_IMAGES = 5000


def names_below(paths: Sequence[str]) -> list[str]:
    """Return the paths below the folder that they have in common, with `/`."""
    folder = os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120
    return [Path(os.path.relpath(path, folder)).as_posix() for path in paths]


def suggest_group(paths: Sequence[str], labels: np.ndarray) -> Naming | None:
    """Return the grouping by file names that agrees with the looks of the images, None if there is none.

    The files are read.

    Parameters
    ----------
    paths : sequence of str
    labels : ndarray of str, shape (n_images,)
    """
    found = suggestions(names_below(paths), labels)
    if not found or len(paths) > MOST_IMAGES:
        return None
    prints = Fingerprints(len(paths))
    scan_images(paths, observe=prints.observe)
    rows = np.arange(len(paths))
    classes = pd.factorize(labels)[0]
    return agreeing(
        found, nearest(comparable(prints.thumbnails), rows, rows, within=classes).position, labels
    )


def group_flag(naming: Naming) -> str:
    """Return the flag for a grouping as it is typed in a shell."""
    return f"--group {shlex.quote(naming.group)}"


def describe_suggestion(naming: Naming) -> str:
    """Return the flag, how many groups it makes, and an example."""
    first, second = naming.example
    return f"{group_flag(naming)} makes {len(set(naming.codes))} groups, for example of {first} and {second}"

"""Groups that file names suggest, and how well they agree with what the images look like."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from features.errors import InputError
from features.structure.groups import PARENT, groups_of

#: Groups that a suggestion makes at least, images per group on average at least, largest group at most.
LEAST_GROUPS, LEAST_MEAN, LARGEST = 4, 1.5, 0.5
#: Agreement beyond chance, as a share of what is possible and in standard errors, below which names and
#: looks have nothing to do with each other.
LEAST_AGREEMENT, LEAST_SIGMAS = 0.15, 4.0
#: A finer grouping is preferred where it agrees as well up to this.
_TIE = 0.03


@dataclass(frozen=True, eq=False)
class Naming:
    """A grouping of the images by their names.

    Parameters
    ----------
    group : str
        The value for `--group`.
    codes : ndarray of int, shape (n_images,)
        The group of each image.
    same : float
        Share of images whose nearest image of their class is in their group; NaN without images.
    chance : float
        That share if names had nothing to do with looks.
    example : tuple of str
        Names of two images of one group.
    """

    group: str
    codes: np.ndarray
    same: float
    chance: float
    example: tuple[str, str]

    @property
    def agreement(self) -> float:
        """How far `same` exceeds `chance`, as a share of what is possible."""
        return (self.same - self.chance) / max(1 - self.chance, 1e-9)


def candidates(names: Sequence[str]) -> Iterator[str]:
    """Yield values for `--group` that file names could mean: folders, prefixes, numbers, runs of numbers."""
    paths = [PurePosixPath(name) for name in names]
    if any(len(path.parts) > 2 for path in paths):
        yield PARENT
    stems = [path.stem for path in paths]
    numbers = min(len(re.findall(r"\d+", stem)) for stem in stems)
    for index in range(numbers):
        word = _word_before(stems, index)
        yield rf"{word}(\d+)" if word else "^" + r"\D*\d+" * index + r"\D*(\d+)"
    fields = min(len(re.findall(r"[-_ ]+", stem)) for stem in stems)
    for dropped in range(1, min(fields, 3) + 1):
        yield "^(.+)" + "[-_ ][^-_ ]+" * dropped + r"\.\w+$"
    for kept in range(min(fields, 3) - 1):
        yield "^([^-_ ]+" + "[-_ ][^-_ ]+" * kept + ")[-_ ]"
    if numbers:
        yield r"(\d*)\d\D*\.\w+$"
        for digits in (2, 3):
            # Lazy, so that a number of fewer digits has an empty group.
            yield rf"(\d*?)\d{{1,{digits}}}\D*\.\w+$"


def suggestions(names: Sequence[str], labels: np.ndarray) -> list[Naming]:
    """Return the groupings by name that a split could keep whole, without a look at the images."""
    found: dict[bytes, Naming] = {}
    classes = pd.factorize(labels)[0]
    for group in candidates(names):
        try:
            values = groups_of(names, group)
        except InputError:
            continue
        codes = pd.factorize(
            np.array([value or f"\0{row}" for row, value in enumerate(values)], dtype=object)
        )[0]
        sizes = np.bincount(codes)
        if len(sizes) < LEAST_GROUPS or len(codes) < LEAST_MEAN * len(sizes):
            continue
        if sizes.max() > LARGEST * len(codes) or len(sizes) == len(
            set(zip(codes, classes, strict=True))
        ) == len(set(classes)):
            continue
        first, second = np.flatnonzero(codes == int(sizes.argmax()))[:2]
        naming = Naming(group, codes, np.nan, np.nan, (names[first], names[second]))
        found.setdefault(codes.tobytes(), naming)
    return list(found.values())


def agreeing(namings: Sequence[Naming], position: np.ndarray, labels: np.ndarray) -> Naming | None:
    """Return the grouping that agrees best with the looks of the images, None where none does.

    Parameters
    ----------
    namings : sequence of Naming
    position : ndarray of int, shape (n_images,)
        The nearest image of the same class of each image; -1 where there is none.
    labels : ndarray of str, shape (n_images,)

    Returns
    -------
    Naming or None
        Of groupings that agree equally well the one with the most groups.
    """
    rated = [measure(naming, position, labels) for naming in namings]
    count = int((position >= 0).sum())
    kept = []
    for naming in rated:
        error = np.sqrt(max(naming.chance * (1 - naming.chance), 1 / max(count, 1)) / max(count, 1))
        if naming.agreement >= LEAST_AGREEMENT and naming.same - naming.chance >= LEAST_SIGMAS * error:
            kept.append(naming)
    if not kept:
        return None
    best = max(naming.agreement for naming in kept)
    return max(
        (naming for naming in kept if naming.agreement >= best - _TIE), key=lambda each: len(set(each.codes))
    )


def measure(naming: Naming, position: np.ndarray, labels: np.ndarray) -> Naming:
    """Return the grouping with the share of nearest images in one group, and its chance value."""
    rows = np.flatnonzero(position >= 0)
    if not len(rows):
        return naming
    frame = pd.DataFrame({"group": naming.codes, "label": labels})
    others = frame.groupby(["group", "label"])["label"].transform("size").to_numpy() - 1
    in_class = frame.groupby("label")["label"].transform("size").to_numpy() - 1
    same = (naming.codes[position[rows]] == naming.codes[rows]).mean()
    chance = (others[rows] / np.maximum(in_class[rows], 1)).mean()
    return Naming(naming.group, naming.codes, float(same), float(chance), naming.example)


def _word_before(stems: Sequence[str], index: int) -> str:
    """Return the letters before a number, where they are the same in every name and stand there only."""
    words = set()
    for stem in stems:
        pieces = re.split(r"\d+", stem)
        words.add(re.findall(r"[^\W\d_]*[-_ ]?$", pieces[index])[0])
    if len(words) != 1:
        return ""
    word = words.pop()
    single = word and all(len(re.findall(re.escape(word) + r"\d", stem)) == 1 for stem in stems)
    return re.escape(word).replace(r"\ ", " ").replace(r"\-", "-") if single else ""

"""Whether images that belong together lie on both sides of a split, how much that matters, and the remedy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.structure.copies import join_sets
from features.structure.fingerprints import Fingerprints
from features.structure.leak import auc_parted_and_whole
from features.structure.naming import Naming, agreeing, suggestions
from features.structure.neighbours import Neighbours, comparable, nearest, sets_of_near_copies
from features.structure.suggest import describe_suggestion, group_flag, names_below

#: A warning is given from this share of images with a near copy, or where one is as close as this.
SHARE, COUNT, CLOSE = 0.05, 3, 0.25
#: Up to this number of images, neighbours of all images are searched; otherwise of a sample.
MOST_IMAGES, SAMPLE = 6000, 2000


@dataclass(frozen=True, eq=False)
class Structure:
    """What was found.

    Parameters
    ----------
    near_share : float
        Share of the test images with a near copy in train; without a split, of the images with a near copy.
    naming : Naming or None
        A grouping of the images that agrees with what they look like.
    auc_parted, auc_whole : float
        Cross-validated ROC AUC of a quick classifier on the thumbnails, with folds that part what belongs
        together and with folds that keep it whole; NaN where nothing was found.
    near_sets : ndarray of int or None
        Sets of near copies, where there are some and nothing else names them.
    warnings : tuple of str
        One line for each finding, and one with the remedy; empty when nothing was found.
    """

    near_share: float
    naming: Naming | None = None
    auc_parted: float = np.nan
    auc_whole: float = np.nan
    near_sets: np.ndarray | None = None
    warnings: tuple[str, ...] = ()


def examine(
    table: pd.DataFrame,
    y: np.ndarray,
    prints: Fingerprints,
    *,
    copies: np.ndarray,
    parts: np.ndarray | None = None,
    kind: str = "stratified",
    takes_group: bool = True,
    groups: str = "groups",
    sets_file: str = "groups.csv",
    embeddings: np.ndarray | None = None,
) -> Structure:
    """Look for images that belong together, and measure what it does to part them.

    Near copies are found by a perceptual distance. Groups are those of the table or those that file names
    suggest, and count only where they agree with the distances: most images then have their nearest image
    of the class in their own group.

    Parameters
    ----------
    table : DataFrame
        Of an `ImageDataset`: `image_id`, `path`, `label`, and `group` where the dataset has groups.
    y : ndarray of int, shape (n_images,)
        1 where the image shows a defect, 0 where it is good.
    prints : Fingerprints
        Of the images, in the order of the table.
    copies : ndarray of int, shape (n_images,)
        Sets of exact copies, see `features.structure.copies`. One image stands for each set.
    parts : ndarray of str, shape (n_images,), optional
        `train`, `valid` or `test` of each image.
    kind : str
        The kind of the split. Under `group` only near copies in two splits are worth a warning.
    takes_group : bool
        Whether the dataset takes `--group`.
    groups : str
        What the groups of the table are called: `approximate groups` where the dataset guesses them.
    sets_file : str
        Where the caller writes `near_sets`; the remedy names it.
    embeddings : ndarray of float, shape (n_images, n_features), optional
        Compared in place of thumbnails.

    Returns
    -------
    Structure
    """
    first = np.sort(np.unique(copies, return_index=True)[1])
    features = comparable(prints.thumbnails[first]) if embeddings is None else embeddings[first]
    table, y = table.iloc[first].reset_index(drop=True), y[first]
    parts = None if parts is None else parts[first]
    labels, names = table["label"].to_numpy(), names_below(table["path"].tolist())
    everything = np.arange(len(table))
    asked = everything
    if len(asked) > MOST_IMAGES:
        asked = np.sort(np.random.default_rng(0).choice(asked, SAMPLE, replace=False))
    around = nearest(features, asked, everything)
    crossing, seen = _crossing(features, asked, around, parts)
    share = float(crossing.near.mean()) if len(seen) else 0.0
    grouping = _grouping(table, names, features, asked, labels, kind)
    lines = []
    many = share >= SHARE and crossing.near.sum() >= COUNT
    if many or (crossing.distance < CLOSE).any():
        lines.append(_near_line(crossing, seen, names, share, split=parts is not None))
    if grouping is not None:
        lines.append(_grouping_line(grouping, groups))
    if not lines:
        return Structure(share)
    near_sets, codes = None, None
    if grouping is not None:
        codes = grouping.codes
    elif len(asked) == len(everything):
        near_sets = sets_of_near_copies(around)
        if kind == "group":
            near_sets = join_sets(pd.factorize(own_groups(table))[0], near_sets)
        codes = near_sets
    parted, whole = auc_parted_and_whole(features, y, codes) if codes is not None else (np.nan, np.nan)
    if np.isfinite(parted) and np.isfinite(whole):
        lines.append(
            f"a quick classifier on 32 x 32 pixels reaches a cross-validated AUC of {parted:.3f} where "
            f"images that belong together are parted, and {whole:.3f} where they are kept whole"
        )
    lines.append(_remedy(grouping, near_sets, takes_group, sets_file))
    spread = None
    if near_sets is not None:
        # Copies are in the set of the image that stands for them.
        by_copy = dict(zip(copies[first], near_sets, strict=True))
        spread = np.array([by_copy[each] for each in copies])
    return Structure(share, grouping, parted, whole, spread, tuple(lines))


def crossing_share(features: np.ndarray, parts: np.ndarray, names: Sequence[str]) -> tuple[float, str]:
    """Return the share of the test images that have a near copy in train, and a line that says so.

    Parameters
    ----------
    features : ndarray of float, shape (n_images, n_features)
        Embeddings, or thumbnails of `features.structure.neighbours.comparable`.
    parts : ndarray of str, shape (n_images,)
        `train`, `valid` or `test` of each image.
    names : sequence of str
        What the images are called.

    Returns
    -------
    share : float
        0 without test images.
    line : str
        Empty where these images are few.
    """
    test = np.flatnonzero(parts == "test")
    if len(test) > SAMPLE:
        test = np.sort(np.random.default_rng(0).choice(test, SAMPLE, replace=False))
    found = nearest(np.asarray(features, np.float32), test, np.flatnonzero(parts == "train"))
    share = float(found.near.mean()) if len(test) else 0.0
    if share < SHARE or found.near.sum() < COUNT:
        return share, ""
    return share, _near_line(found, test, names, share, split=True)


def near_sets_table(image_ids: Sequence[str], sets: np.ndarray) -> pd.DataFrame:
    """Return the columns `image_id` and `group` of the images in sets of two or more, for `--group`."""
    frame = pd.DataFrame({"image_id": list(image_ids), "group": sets})
    frame = frame[frame["group"].duplicated(keep=False)].sort_values("group", kind="stable")
    frame["group"] = "near" + frame["group"].astype(str)
    return frame.reset_index(drop=True)


def own_groups(table: pd.DataFrame) -> pd.Series:
    """Return the group of each image, and the image's id where it has none."""
    groups = table["group"].astype(object)
    return groups.where(groups.notna(), table["image_id"]).astype(str)


def _crossing(
    features: np.ndarray, asked: np.ndarray, around: Neighbours, parts: np.ndarray | None
) -> tuple[Neighbours, np.ndarray]:
    if parts is None:
        return around, asked
    test = asked[parts[asked] == "test"]
    return nearest(features, test, np.flatnonzero(parts == "train")), test


def _grouping(
    table: pd.DataFrame,
    names: Sequence[str],
    features: np.ndarray,
    asked: np.ndarray,
    labels: np.ndarray,
    kind: str,
) -> Naming | None:
    if kind == "group":
        return None
    position = np.full(len(table), -1)
    classes = pd.factorize(labels)[0]
    position[asked] = nearest(features, asked, np.arange(len(table)), within=classes).position
    if "group" in table and table["group"].notna().any():
        codes = pd.factorize(own_groups(table))[0]
        largest = np.flatnonzero(codes == int(np.bincount(codes).argmax()))
        example = (names[largest[0]], names[largest[-1]])
        found = [Naming("", codes, np.nan, np.nan, example)]
    else:
        found = suggestions(names, labels)
    return agreeing(found, position, labels)


def _near_line(
    crossing: Neighbours, seen: np.ndarray, names: Sequence[str], share: float, *, split: bool
) -> str:
    at = int(np.flatnonzero(crossing.near)[np.argmin(crossing.distance[crossing.near])])
    pair = f"for example {names[seen[at]]} and {names[crossing.position[at]]}"
    if split:
        return f"{share:.1%} of the test images have a near copy in train, {pair}"
    return f"{share:.1%} of the images have a near copy, {pair}; a split that parts them flatters every model"


def _grouping_line(naming: Naming, groups: str) -> str:
    what = (
        f"file names suggest groups of images that look alike: {describe_suggestion(naming)}"
        if naming.group
        else f"the dataset has {len(set(naming.codes))} {groups} of images that look alike"
    )
    return (
        f"{what}; {naming.same:.0%} of the images have their nearest image of the class in their own group "
        f"({naming.chance:.0%} by chance)"
    )


def _remedy(grouping: Naming | None, near_sets: np.ndarray | None, takes_group: bool, sets_file: str) -> str:
    keep = "keep in one split what belongs together:"
    if grouping is not None and not grouping.group:
        return f"{keep} --split group"
    if not takes_group:
        return f"{keep} give the dataset a column group, and --split group"
    if grouping is not None:
        return f"{keep} {group_flag(grouping)} --split group"
    if near_sets is not None:
        return f"{keep} --group {sets_file} --split group"
    return f"{keep} --group 'REGEX', --group parent or --group FILE.csv, with --split group"

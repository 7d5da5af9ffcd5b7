"""Groups of images: from file names, from folders, or from a CSV file."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from features.errors import InputError
from features.structure.sidecar import read_groups

#: The word that takes the parent folder as the group.
PARENT = "parent"


def groups_of(names: Sequence[str], group: str, root: str | Path = "") -> list[str | None]:
    """Return the group of each image.

    Parameters
    ----------
    names : sequence of str
        Path of each image below the dataset's folder, with `/`: `scratch/part12_3.png`. The first folder
        is the class.
    group : str
        `parent`: the folder that holds the image, below the folder of its class; an image directly in the
        folder of its class has no group. The name of a CSV file: its columns `image_id` (or `path`) and
        `group`. Anything else is a regular expression with one capture, which is searched in the file name;
        or in the path where the expression contains `/` or matches no file name.
    root : str or Path
        The dataset's folder, for messages and for a CSV file whose paths begin with it.

    Returns
    -------
    list of str or None
        None for an image without a group.

    Raises
    ------
    InputError
        When the expression is invalid, has no capture or several, or does not match every image; when the
        CSV file cannot be used; when no image has a group or all have the same one.

    Examples
    --------
    >>> groups_of(["good/part1_1.png", "good/part2_1.png", "scratch/part1_2.png"], r"part(\\d+)")
    ['1', '2', '1']
    >>> groups_of(["good/lot7/1.png", "bad/lot7/1.png", "bad/lot8/1.png"], "parent")
    ['lot7', 'lot7', 'lot8']
    """
    if group == PARENT:
        found = [_parent(name) for name in names]
        if not any(found):
            raise InputError(
                f"--group parent: no image lies in a folder of its own below the folder of its class (for "
                f"example {names[0]})"
            )
    elif is_table(group):
        found = read_groups(names, Path(group).expanduser(), Path(root))
    else:
        found = _captured(names, group)
    known = {each for each in found if each is not None}
    if len(known) == 1:
        raise InputError(
            f"--group {group}: every image has the same group, {next(iter(known))!r} (for example "
            f"{names[0]}); there must be two groups or more"
        )
    return found


def describe_groups(groups: Sequence[str | None], group: str) -> str:
    """Return one line on how many groups there are, and how large they are."""
    names, sizes = np.unique([each for each in groups if each is not None], return_counts=True)
    alone = len(groups) - int(sizes.sum())
    line = f"--group {group}: {len(names)} groups of {sizes.min()} to {sizes.max()} images"
    if sizes.max() == 1:
        line += "; no two images share a group, so a group split keeps nothing together"
    return f"{line}; {alone} of {len(groups)} images have no group" if alone else line


def is_table(group: str) -> bool:
    """Return whether a value of `--group` names a CSV file and no regular expression."""
    return group.lower().endswith((".csv", ".tsv")) or ("(" not in group and Path(group).is_file())


def _parent(name: str) -> str | None:
    return "/".join(PurePosixPath(name).parts[1:-1]) or None


def _captured(names: Sequence[str], pattern: str) -> list[str | None]:
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise InputError(f"--group {pattern}: no valid regular expression ({error})") from None
    if regex.groups != 1:
        count = "no capture" if regex.groups == 0 else f"{regex.groups} captures"
        raise InputError(
            f"--group {pattern}: {count}; put exactly one part in parentheses, the part of the name that is "
            f"the group (of {names[0]}, for example), and write further parentheses as (?:...)"
        )
    best: list[str | None] = []
    for target in _targets(names, pattern):
        found = [_capture(regex, text) for text in target]
        if None not in found:
            return found
        if not best or found.count(None) < best.count(None):
            best = found
    missed = best.index(None)
    raise InputError(
        f"--group {pattern}: matches {len(names) - best.count(None)} of {len(names)} file names, not "
        f"{names[missed]}; give an expression that matches every name, or a CSV file with the columns "
        "image_id and group"
    )


def _capture(regex: re.Pattern[str], text: str) -> str | None:
    match = regex.search(text)
    # An empty capture is a group: of 7.png and 12.png, `(\d*)\d` gives an empty one and 1.
    return None if match is None or match[1] is None else match[1] or "(empty)"


def _targets(names: Sequence[str], pattern: str) -> list[list[str]]:
    """Return the texts to search in: names and stems first, then paths with and without suffix."""
    paths = [PurePosixPath(name) for name in names]
    whole = [list(names), [path.with_suffix("").as_posix() for path in paths]]
    if "/" in pattern:
        return whole
    return [[path.name for path in paths], [path.stem for path in paths], *whole]

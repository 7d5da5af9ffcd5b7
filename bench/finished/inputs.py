"""Which images `predict` scores, and their ids."""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from bench.console import say
from features.datasets.boxes import without_suffix
from features.errors import InputError
from features.pixels.find import find_images as images_below
from features.tables import read_table

SAMPLE_NAME = "submission_sample.csv"


@dataclass(frozen=True)
class Images:
    """Files to score.

    Parameters
    ----------
    ids : list of str
        A different one for each file: its path below the folder that was given, or below the folder that
        all the given ones have in common.
    paths : list of str
    near : tuple of Path
        Where a sample of a submission is looked for.
    problems : tuple of (str, str)
        Folders and links that cannot be read, each with the reason.
    """

    ids: list[str]
    paths: list[str]
    near: tuple[Path, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Sample:
    """The ids of a submission, in order.

    Parameters
    ----------
    ids, paths : list of str
        The id as the sample has it, and the file that it means.
    column : str
        Name of the column beside the ids.
    """

    ids: list[str]
    paths: list[str]
    column: str


def find_images(given: Sequence[str | Path]) -> Images:
    """Return the images in files and folders.

    Parameters
    ----------
    given : sequence of paths
        Image files, and folders that are searched to any depth. What is given twice is taken once.

    Raises
    ------
    InputError
        For a path that does not exist, and when there is no image at all.
    """
    places = [Path(path).expanduser() for path in given]
    found: dict[str, Path] = {}
    problems: list[tuple[str, str]] = []
    for place in places:
        if place.is_dir():
            listed = images_below(place)
            files = [Path(path) for path in listed.paths]
            for note in listed.notes:
                say(note)
            problems += [(listed.full(path), reason) for path, reason in listed.problems]
        elif place.exists():
            files = [place]
        else:
            raise InputError(f"{place}: no such directory of images, and no such file (--images)")
        found |= {_absolute(path): path for path in files}
    if not found:
        raise InputError(f"{', '.join(map(str, places))}: no PNG, JPEG, BMP or TIFF file in it")
    folders = [_absolute(place if place.is_dir() else place.parent) for place in places]
    root = os.path.commonpath(folders)
    ids = [Path(os.path.relpath(path, root)).as_posix() for path in found]
    first = places[0]
    near = (first, first.parent, first.parent.parent) if len(places) == 1 and first.is_dir() else ()
    return Images(ids, [str(path) for path in found.values()], near, tuple(problems))


def short_ids(images: Images) -> list[str]:
    """Return file names without suffix as ids, as a contest has them; paths where names are not unique."""
    stems = pd.Series([PurePosixPath(name).stem for name in images.ids])
    return stems.where(~stems.duplicated(keep=False), pd.Series(images.ids)).tolist()


def match_sample(images: Images, sample: str | Path | None) -> Sample | None:
    """Return the ids of a sample of a submission and their images; None where there is no sample.

    An id means the file with this path, with or without its suffix, else the one file of this name.

    Raises
    ------
    InputError
        For a file that is no sample, ids without an image, and ids that mean several images.
    """
    path = Path(sample).expanduser() if sample is not None else None
    if path is None:
        path = next((near / SAMPLE_NAME for near in images.near if (near / SAMPLE_NAME).is_file()), None)
    elif not path.is_file():
        raise InputError(f"{path}: no such sample of a submission (--sample)")
    if path is None:
        return None
    ids, column = _read_sample(path)
    by_name: dict[str, list[str]] = defaultdict(list)
    for name, file in zip(images.ids, images.paths, strict=True):
        bare = PurePosixPath(name).with_suffix("").as_posix()
        for key in {name, bare, PurePosixPath(name).name, PurePosixPath(name).stem}:
            by_name[key].append(file)
    exact = dict(zip(images.ids, images.paths, strict=True))
    meant = {}
    for name in ids:
        files = [exact[name]] if name in exact else by_name.get(name) or by_name.get(without_suffix(name), [])
        if len(files) > 1:
            raise InputError(f"{path}: id {name!r} means {len(files)} images: {', '.join(files[:3])}")
        meant[name] = files
    missing = [name for name, files in meant.items() if not files]
    if missing:
        where = f"{images.near[0]}" if images.near else "the images given"
        raise InputError(f"{path}: {len(missing)} ids have no image in {where}, the first {missing[0]}")
    return Sample(ids, [meant[name][0] for name in ids], column)


def _absolute(path: Path) -> str:
    # Links are kept, so that ids are the names that the user sees.
    return os.path.normpath(path.absolute())


def _read_sample(path: Path) -> tuple[list[str], str]:
    frame = read_table(path)
    if frame.shape[1] < 2:
        raise InputError(f"{path}: expected two columns, the ids and the score")
    return frame.iloc[:, 0].tolist(), str(frame.columns[-1])

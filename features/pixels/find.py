"""The images below a folder, without their masks and all other files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from features.errors import InputError
from features.pixels.listing import (
    NO_IMAGE_NAME,
    Files,
    image_ids,
    left_out_note,
    list_files,
    none_left,
    printable,
    select,
)
from features.pixels.masks import find_masks


@dataclass(frozen=True)
class FoundImages:
    """Images, in the order of their paths.

    Parameters
    ----------
    root : str
        The folder that ids and relative paths begin below.
    relative : tuple of str
        Path of each image below `root`, with `/`.
    ids : tuple of str
        `relative` without the suffix where that stays unique, in composed characters.
    masks : tuple of (str or None)
        Path of the mask of each image; None where it has none.
    others : tuple of (str, str)
        Visible files that have no image's name, with the reason; paths below `root`.
    problems : tuple of (str, str)
        Files and folders that could not be read, with the reason; paths below `root`.
    notes : tuple of str
        Lines for the user: masks, files left out by patterns.
    folders : tuple of str
        Names of the visible folders right in `root`.
    left_out : tuple of str
        Images that are masks, or that a pattern leaves out; paths below `root`.
    """

    root: str
    relative: tuple[str, ...]
    ids: tuple[str, ...]
    masks: tuple[str | None, ...]
    others: tuple[tuple[str, str], ...]
    problems: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    folders: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def paths(self) -> list[str]:
        """Path of each image."""
        return [self.full(path) for path in self.relative]

    def full(self, relative: str) -> str:
        """Return the path of a file below `root`."""
        return os.path.join(self.root, relative)  # noqa: PTH118


def find_images(
    path: str | Path,
    *,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
) -> FoundImages:
    """Find the images below a folder, at any depth; or take one file.

    Parameters
    ----------
    path : str or Path
        A folder, or one image.
    include, exclude : sequence of str, optional
        Glob patterns of the files to take and to leave out; see `features.pixels.listing.select`.

    Returns
    -------
    FoundImages
        Hidden files, files of the operating system, and masks are not among the images.

    Raises
    ------
    InputError
        When there is no such folder or file, or it cannot be read.
    """
    path = Path(path).expanduser()
    if path.is_file():
        name = printable(path.name)
        return FoundImages(str(path.parent), (name,), tuple(image_ids([name])), (None,), (), (), ())
    if not path.exists():
        raise InputError(f"{path}: no such file or directory")
    return _of(list_files(path), include, exclude)


def _of(files: Files, include: Sequence[str] | None, exclude: Sequence[str] | None) -> FoundImages:
    kept, left = select(files.images, include, exclude)
    others, _ = select(files.others, None, exclude)
    if files.images and not kept:
        raise none_left(files.root, files.images)
    # A mask that a pattern leaves out is still the mask of its photograph.
    masks = find_masks(files, files.images)
    chosen = set(kept)
    images = tuple(image for image in masks.photographs if image in chosen)
    notes = list(masks.notes)
    if left:
        notes.append(left_out_note(left))
    return FoundImages(
        root=files.root,
        relative=images,
        ids=tuple(image_ids(images)),
        masks=tuple(files.full(masks.mask_of[image]) if image in masks.mask_of else None for image in images),
        others=tuple((other, NO_IMAGE_NAME) for other in others),
        problems=files.problems,
        notes=tuple(notes),
        folders=files.folders,
        left_out=tuple(sorted(set(files.images) - set(images))),
    )

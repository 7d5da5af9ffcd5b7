"""Image files below a folder: what is an image, what is left out and why, and the ids of the images."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from features.errors import InputError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff"})
NO_IMAGE_NAME = "not a PNG, JPEG, BMP or TIFF name"

# Files and folders that operating systems, file servers and editors leave among a user's files.
_SYSTEM_NAMES = frozenset(
    {
        "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "__macosx", "@eadir",
        "#recycle", "@recycle", "@recently-snapshot", "$recycle.bin", "recycler", "lost+found",
        "system volume information", "__pycache__",
    }
)  # fmt: skip
_HIDDEN_STARTS = (".", "~$", "@__", "@syno")


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is hidden or belongs to the system.

    Examples
    --------
    >>> [is_hidden(name) for name in (".ipynb_checkpoints", "Thumbs.db", "__MACOSX", "part.png")]
    [True, True, True, False]
    """
    return name.startswith(_HIDDEN_STARTS) or name.casefold() in _SYSTEM_NAMES


def is_image_name(name: str) -> bool:
    """Return whether a file name ends like an image's, in any case."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122


def nfc(text: str) -> str:
    """Return text with composed characters, so that names written on macOS and on Linux are equal."""
    return unicodedata.normalize("NFC", text)


def printable(path: str) -> str:
    """Return a path that can be printed and stored: bytes that are no UTF-8 are written as escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Files:
    """The visible files below a folder.

    Parameters
    ----------
    root : str
        The folder.
    images, others : tuple of str
        Paths below `root`, with `/`, sorted by their parts: files with an image's name, and the rest.
    folders : tuple of str
        Names of the visible folders right in `root`, links to folders included.
    problems : tuple of (str, str)
        Paths below `root` that were not read, each with the reason.
    """

    root: str
    images: tuple[str, ...]
    others: tuple[str, ...]
    folders: tuple[str, ...]
    problems: tuple[tuple[str, str], ...]

    def full(self, relative: str) -> str:
        """Return the path of a file below `root`."""
        return os.path.join(self.root, relative)  # noqa: PTH118


def list_files(root: str | Path) -> Files:
    """List the visible files below a folder.

    Hidden files and folders are skipped (`is_hidden`). Links to folders are followed; a link that leads
    back, or to a folder that is read already, is a problem, and so is a folder that cannot be read, a
    link that leads nowhere, a device or a pipe, and a name that is not valid UTF-8.

    Parameters
    ----------
    root : str or Path

    Returns
    -------
    Files

    Raises
    ------
    InputError
        When `root` is no folder or cannot be read.
    """
    walk = _Walk(str(root))
    walk.run()
    files = sorted(walk.files, key=lambda path: path.split("/"))
    return Files(
        root=str(root),
        images=tuple(path for path in files if is_image_name(path)),
        others=tuple(path for path in files if not is_image_name(path)),
        folders=tuple(sorted(walk.folders)),
        problems=tuple(sorted(walk.problems)),
    )


def list_images(folder: str | Path) -> tuple[list[Path], list[Path]]:
    """Return the image files below `folder`, and the visible files that are not images, sorted."""
    files = list_files(folder)
    return [Path(files.full(path)) for path in files.images], [
        Path(files.full(path)) for path in files.others
    ]


def image_ids(relative: Sequence[str]) -> list[str]:
    """Return an id for each image: its path below the folder, in composed characters.

    The suffix is left out where the id stays unique.

    Examples
    --------
    >>> image_ids(["good/a.png", "good/b.png", "good/b.jpg"])
    ['good/a', 'good/b.png', 'good/b.jpg']
    """
    raw = pd.Series(list(relative), dtype=object)
    whole = raw.map(nfc)
    ids = whole.map(lambda path: path.rpartition(".")[0] if is_image_name(path) else path)
    for fallback in (whole, raw):
        while (clash := ids.duplicated(keep=False) & (ids != fallback)).any():
            ids = ids.where(~clash, fallback)
    return ids.tolist()


def select(
    paths: Iterable[str], include: Sequence[str] | None, exclude: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Return the paths that glob patterns keep, and those that they leave out.

    Parameters
    ----------
    paths : iterable of str
        Paths below a folder, with `/`.
    include, exclude : sequence of str, optional
        Shell patterns; upper and lower case are equal. A pattern with `/` is compared with the whole
        path, where `*` also spans `/`; one without is compared with the names of the file and of each
        folder it lies in. A path is kept when it matches one of `include` (or there are none) and none
        of `exclude`.

    Examples
    --------
    >>> select(["good/a.jpg", "good/a.png", "masks/b.png"], ["good/*"], ["*.png"])
    (['good/a.jpg'], ['good/a.png', 'masks/b.png'])
    """
    kept: list[str] = []
    left: list[str] = []
    for path in paths:
        wanted = (not include or _matches(path, include)) and not _matches(path, exclude or ())
        (kept if wanted else left).append(path)
    return kept, left


def several(patterns: str | Sequence[str] | None) -> Sequence[str] | None:
    """Return patterns as a sequence; a str is one pattern."""
    return (patterns,) if isinstance(patterns, str) else patterns


def none_left(root: str, images: Sequence[str]) -> InputError:
    """Return the error of patterns that leave no image."""
    return InputError(
        f"{root}: --include and --exclude leave none of {len(images)} images, the first of which is "
        f"{images[0]}"
    )


def left_out_note(left: Sequence[str]) -> str:
    """Return the line on images that patterns leave out."""
    return f"{len(left)} images left out by --include or --exclude (first: {left[0]})"


def _matches(path: str, patterns: Sequence[str]) -> bool:
    text = nfc(path).casefold()
    for pattern in (nfc(each).casefold() for each in patterns):
        if "/" not in pattern:
            if any(fnmatchcase(part, pattern) for part in text.split("/")):
                return True
        # `**/x` also means x itself, and `x/` everything below x.
        elif any(fnmatchcase(text, form) for form in _forms(pattern.removeprefix("./").removeprefix("/"))):
            return True
    return False


def _forms(pattern: str) -> list[str]:
    pattern = pattern + "*" if pattern.endswith("/") else pattern
    return [pattern, pattern.removeprefix("**/"), pattern.replace("/**/", "/")]


@dataclass
class _Walk:
    """A walk that reads every folder once, real folders before links."""

    root: str
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    seen: dict[tuple[int, int], str] = field(default_factory=dict)

    def run(self) -> None:
        if not os.path.isdir(self.root):  # noqa: PTH112
            raise InputError(f"{self.root}: no such directory")
        self._below("")
        unread = dict(self.problems).get(".")
        if unread is not None:
            raise InputError(f"{self.root}: {unread}")
        while self.links:
            self.links.sort(reverse=True)
            self._follow(self.links.pop())

    def _follow(self, link: str) -> None:
        target = os.path.realpath(self._full(link))
        if os.path.realpath(self.root).startswith(target.rstrip("/") + "/"):
            self.problems.append((link, f"link to {target}, which holds this folder itself; not followed"))
        else:
            self._below(link)

    def _below(self, start: str) -> None:
        waiting = [start]
        while waiting:
            folder = waiting.pop()
            try:
                status = os.stat(self._full(folder))  # noqa: PTH116
                before = self.seen.setdefault((status.st_dev, status.st_ino), folder)
                if before != folder:
                    self.problems.append((folder, f"the folder {before or self.root}, which is read already"))
                    continue
                with os.scandir(self._full(folder)) as found:
                    entries = list(found)
            except OSError as error:
                self.problems.append((folder or ".", f"folder cannot be read ({_reason(error)})"))
                continue
            for entry in entries:
                if not is_hidden(entry.name):
                    self._take(entry, f"{folder}/{entry.name}" if folder else entry.name, waiting)

    def _take(self, entry: "os.DirEntry[str]", path: str, waiting: list[str]) -> None:
        if printable(path) != path:
            self.problems.append((printable(path), "name is not valid UTF-8; rename it"))
            return
        try:
            is_folder, is_file, is_link = entry.is_dir(), entry.is_file(), entry.is_symlink()
        except OSError as error:
            self.problems.append((path, _reason(error)))
            return
        if is_folder:
            if "/" not in path:
                self.folders.append(path)
            (self.links if is_link else waiting).append(path)
        elif is_file:
            self.files.append(path)
        else:
            self.problems.append((path, "dangling link" if is_link else "not a regular file"))

    def _full(self, path: str) -> str:
        return os.path.join(self.root, path) if path else self.root  # noqa: PTH118


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()

"""Locks of a collection: one while a part is written, and a claim that spares double work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

WRITING = ".lock"
EMBEDDING = ".embedding.lock"
#: Seconds that waiting for another process may take for each image that it may spare, and at most.
WAIT_PER_IMAGE = 0.05
LONGEST_WAIT = 30.0
_POLL = 0.25
_AT_ONCE = 0.05


class StoreBusy(TimeoutError):
    """Another process has held the lock of a collection for longer than the caller waits."""


def patience_for(images: int) -> float:
    """Return the seconds that waiting may take: about the time of embedding this number of images."""
    return min(LONGEST_WAIT, 1.0 + WAIT_PER_IMAGE * images)


@contextmanager
def held(
    folder: Path, name: str, waiting: Callable[[], None] | None = None, patience: float | None = None
) -> Iterator[None]:
    """Hold the lock file `name` in a folder; it is released when the process dies.

    Parameters
    ----------
    folder : Path
        Made when it is missing.
    name : str
    waiting : callable, optional
        Called once when another process holds the lock.
    patience : float, optional
        Longest wait, seconds; by default there is no limit.

    Raises
    ------
    StoreBusy
        When another process holds the lock for longer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / name)
    if not _acquired(lock, _AT_ONCE):
        if waiting is not None:
            waiting()
        if not _acquired(lock, -1 if patience is None else patience):
            raise StoreBusy(f"{folder}: held by another process for {patience:g} s")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def claimed(
    folder: Path, count_missing: Callable[[], int], waiting: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the claim on embedding into a folder, unless waiting for it is not worth while.

    The claim only spares work: whoever has none may embed and store too. The wait goes on while the
    holder stores images that the caller needs. It ends when the holder has stored none of them for as
    long as the caller would take to embed what is missing.

    Parameters
    ----------
    folder : Path
        Made when it is missing.
    count_missing : callable
        Returns how many of the images that the caller needs are not stored yet.
    waiting : callable, optional
        Called once when another process holds the claim.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / EMBEDDING)
    missing = count_missing()
    deadline = time.monotonic() + patience_for(missing)
    while missing and not _acquired(lock, _POLL):
        if waiting is not None:
            waiting()
            waiting = None
        left = count_missing()
        if left < missing:
            missing, deadline = left, time.monotonic() + patience_for(left)
        elif time.monotonic() > deadline:
            break
    try:
        yield
    finally:
        lock.release()


def _acquired(lock: FileLock, seconds: float) -> bool:
    """Return whether the lock could be had within these seconds; less than 0 waits without a limit."""
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    return True

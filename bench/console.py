"""Messages and progress: bars on a terminal, plain lines elsewhere."""

import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_SECONDS = 15.0

PLAIN_WIDTH = 240

out = Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)
err = Console(stderr=True)


class Update(Protocol):
    """Reports the progress of a task."""

    def __call__(self, done: float, note: str = "") -> None:
        """Report the units done so far, with a short note."""


def say(line: str) -> None:
    """Print a line literally, without markup."""
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def warn(line: str) -> None:
    """Print a warning on stderr."""
    err.print(f"warning: {line}", style="yellow", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def tidy_warnings() -> Iterator[None]:
    """Print the warnings of libraries as one line each, once; leave out what concerns developers only."""
    shown: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        line = " ".join(str(message).split("\n\n")[0].split())
        if line not in shown:
            shown.add(line)
            warn(f"{category.__name__}: {line}")

    before = os.environ.get("PYTHONWARNINGS")
    with warnings.catch_warnings():
        for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        warnings.showwarning = show
        # Processes that a search starts do not print at all.
        os.environ["PYTHONWARNINGS"] = "ignore"
        try:
            yield
        finally:
            if before is None:
                del os.environ["PYTHONWARNINGS"]
            else:
                os.environ["PYTHONWARNINGS"] = before


@contextmanager
def task(title: str, total: int, unit: str = "images") -> Iterator[Update]:
    """Show one task's progress.

    Parameters
    ----------
    title : str
        Name of the task.
    total : int
        Number of units.
    unit : str
        Name of the units.

    Yields
    ------
    Update
        A function to call with the units done so far.
    """
    with _bar(title, total) if out.is_terminal else _lines(title, total, unit) as update:
        yield update


@contextmanager
def _bar(title: str, total: int) -> Iterator[Update]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, console=out, transient=True) as progress:
        shown = progress.add_task(title, total=total, note="")
        yield lambda done, note="": progress.update(shown, completed=done, note=note)


@contextmanager
def _lines(title: str, total: int, unit: str) -> Iterator[Update]:
    started = last = time.monotonic()

    def update(done: float, note: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PLAIN_SECONDS and done < total:
            last = now
            # Nothing done yet says nothing of what is left.
            left = f", about {(now - started) / done * (total - done):.0f} s left" if done else ""
            say(f"  {title}: {done:g} of {total} {unit}{left}{'; ' + note if note else ''}")

    yield update

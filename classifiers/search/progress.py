"""Counts the cells of a search, also those that other processes fit."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Progress = Callable[[int, int], None]

_SECONDS = 0.3


class CellCounter:
    """Adds up cells and passes the sum on.

    Parameters
    ----------
    total : int
        Cells times folds.
    show : callable
        Called with the cells done and `total`.
    marks : Path, optional
        A folder in which processes leave a file for each cell.
    """

    def __init__(self, total: int, show: Progress, marks: Path | None):
        self.total, self.show, self.marks = total, show, marks
        self._answered, self._shown = 0, -1
        self._lock = threading.Lock()

    def add(self, cells: int) -> None:
        """Count cells that a path has answered."""
        self._answered += cells
        self.look()

    def look(self) -> None:
        """Count the marks and show the sum if it has changed."""
        with self._lock:
            marked = sum(1 for _ in self.marks.iterdir()) if self.marks is not None else 0
            done = min(self.total, max(self._answered, marked))
            if done > self._shown:
                self._shown = done
                self.show(done, self.total)


@contextmanager
def cell_progress(total: int, progress: Progress | None) -> Iterator[CellCounter]:
    """Call `progress` while the cells are counted; do nothing where it is None."""
    if progress is None:
        yield CellCounter(total, lambda done, total: None, None)
        return
    with tempfile.TemporaryDirectory() as folder:
        counter = CellCounter(total, progress, Path(folder))
        finished = threading.Event()

        def watch() -> None:
            while not finished.wait(_SECONDS):
                counter.look()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield counter
        finally:
            finished.set()
            watcher.join()
            counter.look()

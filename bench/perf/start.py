"""Measure how long the command line takes to start, as a ratio to importing numpy and pandas."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pandas as pd

from bench.config import RunConfig
from bench.run_folder import RunFolder
from features.errors import InputError

PLAIN = "import numpy, pandas"
# Largest ratio to the plain imports.
BARS = {"--help": 1.0, "models": 3.0, "table RUN": 3.0, "run, nothing left to do": 6.0}

_AGAIN = """
import sys
from bench.config import RunConfig
from bench.run import run
sys.exit(run(RunConfig.model_validate_json(sys.argv[1]), sys.argv[2]))
"""


def measure_starts(
    run: str | Path, *, starts: int = 5, report: Callable[[str], None] | None = None
) -> pd.DataFrame:
    """Time commands in processes of their own, in turn, so that a busy moment slows all of them alike.

    Parameters
    ----------
    run : str or Path
        The folder of a finished run.
    starts : int
        Number of starts of each command, after one that is not counted.
    report : callable, optional
        Called with one line per round.

    Returns
    -------
    DataFrame
        `command`, `seconds` and `cpu_seconds` (medians), `ratio` and `cpu_ratio` to the first row, `bar` (the
        largest ratio that is allowed) and `within` (whether `ratio` is at most the bar). On a busy machine
        only the processor's seconds can be compared.

    Raises
    ------
    InputError
        When a command fails, with the last line that it wrote.
    """
    if starts < 1:
        raise InputError(f"--starts {starts}: give 1 or more")
    folder = RunFolder.existing(run)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in (PLAIN, *BARS)}
    for number in range(starts + 1):
        for name, command in commands(folder).items():
            taken = _timed(name, command)
            if number:
                times[name].append(taken)
        if report is not None and number:
            report(f"round {number} of {starts} done")
    medians = pd.DataFrame(
        {name: [median(column) for column in zip(*pairs, strict=True)] for name, pairs in times.items()},
        index=["seconds", "cpu_seconds"],
    ).T
    ratios, bars = medians / medians.loc[PLAIN], pd.Series(BARS).reindex(medians.index)
    within = (ratios["seconds"] <= bars).map({True: "yes", False: "no"}).where(bars.notna(), "")
    table = medians.assign(ratio=ratios["seconds"], cpu_ratio=ratios["cpu_seconds"], bar=bars, within=within)
    return table.rename_axis("command").reset_index()


def commands(folder: RunFolder) -> dict[str, list[str]]:
    """Return what is timed: the plain imports and the commands, each as a list of arguments."""
    bench = [sys.executable, "-m", "bench"]
    again = [sys.executable, "-c", _AGAIN, folder.config().model_dump_json(), str(folder.path.parent)]
    return {
        PLAIN: [sys.executable, "-c", PLAIN],
        "--help": [*bench, "--help"],
        "models": [*bench, "models"],
        "table RUN": [*bench, "table", str(folder.path)],
        "run, nothing left to do": again,
    }


@contextmanager
def small_run() -> Iterator[Path]:
    """Make a small run on generated images in a temporary folder and yield the run's folder."""
    from bench.run import run
    from features import datasets

    with tempfile.TemporaryDirectory() as place:
        options = datasets.get_spec("folder").write_example(Path(place) / "parts", 0)
        settings = {
            "name": "small",
            "device": "cpu",
            "n_jobs": 1,
            "dataset": {"name": "folder", **options},
            "features": {"weights": ["random"], "fine_tuned": [], "size": 32, "projections": False},
            "classical": {"models": ["lda", "lr"], "folds": 3},
            "cnn": {"models": []},
        }
        run(RunConfig.model_validate_json(json.dumps(settings)), place, Path(place) / "cache")
        yield Path(place) / "small"


def _timed(name: str, command: list[str]) -> tuple[float, float]:
    """Return the seconds that passed and the processor's seconds, the command's own processes included."""
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            lines = errors.read().strip().splitlines() or [f"exit code {process.returncode}"]
            raise InputError(f"{name}: {lines[-1]}")
    return taken, usage.ru_utime + usage.ru_stime

"""Run a worker in a process of its own and take its answer."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from features.errors import InputError


def answer_task(measure: Callable[[dict[str, Any]], dict[str, Any]], asked: str, answered: str) -> None:
    """Be the worker: measure what the file `asked` describes, and write the answer and the peak of memory."""
    warnings.simplefilter("ignore")
    answer = measure(json.loads(Path(asked).read_text()))
    Path(answered).write_text(json.dumps({**answer, "peak_gib": peak_gib()}))


def run_worker(
    module: str, task: dict[str, Any], folder: Path, what: str, *more: str, limit: float | None = None
) -> dict[str, Any]:
    """Call `python -m module TASK.json ANSWER.json ...` and return the answer.

    Raises
    ------
    InputError
        When the process fails; the message holds the last line that it wrote.
    TimeoutError
        When it takes longer than `limit` seconds; it is stopped, and all that it has started.
    """
    asked, answered = folder / "task.json", folder / "answer.json"
    asked.write_text(json.dumps(task))
    answered.unlink(missing_ok=True)
    command = [sys.executable, "-m", module, str(asked), str(answered), *more]
    # A session of its own, so that what the worker has started can be stopped with it.
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            _, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{what}: stopped after {limit:g} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode or not answered.is_file():
        lines = errors.strip().splitlines()
        raise InputError(f"{what} failed: {lines[-1] if lines else process.returncode}")
    return json.loads(answered.read_text())


def peak_gib() -> float:
    """Return the most memory that this process has held at a time.

    Linux counts into a process's `ru_maxrss` what its parent held when it was started, so the kernel's
    figure for the program itself is taken where there is one.
    """
    status = Path("/proc/self/status")
    held = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    kib = int(held[1]) if held else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib / 2**20

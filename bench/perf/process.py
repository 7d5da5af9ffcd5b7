"""Run a worker in a process of its own and take its answer."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from features.errors import InputError


def run_worker(module: str, task: dict[str, Any], folder: Path, what: str, *more: str) -> dict[str, Any]:
    """Call `python -m module TASK.json ANSWER.json ...` and return the answer.

    Raises
    ------
    InputError
        When the process fails; the message holds the last line that it wrote.
    """
    asked, answered = folder / "task.json", folder / "answer.json"
    asked.write_text(json.dumps(task))
    answered.unlink(missing_ok=True)
    command = [sys.executable, "-m", module, str(asked), str(answered), *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not answered.is_file():
        lines = done.stderr.strip().splitlines()
        raise InputError(f"{what} failed: {lines[-1] if lines else done.returncode}")
    return json.loads(answered.read_text())

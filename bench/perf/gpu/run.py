"""`defectbench perf gpu`: every check of a GPU in one table."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch

from bench.perf.gpu.checks import CHECKS, run_check

NO_GPU = "this torch sees no CUDA GPU"


def check_gpu(report: Callable[[str], None] = lambda line: None) -> pd.DataFrame:
    """Run the checks in their order; a failure does not stop the next one.

    Parameters
    ----------
    report : callable
        Called with one line after each check.

    Returns
    -------
    DataFrame
        check, result (`ok`, `failed` or `skipped`), seconds, detail.
    """
    found = []
    for name, check, size in CHECKS:
        started = time.perf_counter()
        if torch.cuda.is_available():
            with tempfile.TemporaryDirectory() as folder:
                result, detail = run_check(check, Path(folder), "cuda", size)
        else:
            result, detail = "skipped", NO_GPU
        seconds = time.perf_counter() - started
        found.append({"check": name, "result": result, "seconds": seconds, "detail": detail})
        report(f"{name}: {result}: {detail}")
    return pd.DataFrame(found)

"""`defectbench perf train`: training ResNet-18 the plain way and ours, on the same images."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.perf.process import run_worker

PLAIN = "plain skorch loop, float32 NCHW"
WAYS: dict[str, dict[str, Any]] = {
    PLAIN: {"way": "plain"},
    "ours, float32": {"way": "ours", "precision": "float32"},
    "ours, bfloat16": {"way": "ours", "precision": "bfloat16"},
}


def measure_training(
    paths: Sequence[str],
    y: np.ndarray,
    *,
    size: int = 224,
    batch_size: int = 32,
    epochs: int = 3,
    device: str = "cpu",
    workers: int = 2,
    report: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Train a few epochs each way, one after the other.

    Parameters
    ----------
    paths : sequence of str
        Images.
    y : int array of 0 and 1
    size, batch_size, epochs : int
        The first epoch is not counted.
    device : str
    workers : int
        Decoding processes of the plain way.
    report : callable
        Told of each finished row.

    Returns
    -------
    DataFrame
        way, images_per_second, ratio (to the plain way), seconds (an epoch), peak_gib, note.
    """
    base = {
        "paths": list(paths), "y": [int(label) for label in y], "size": size, "batch_size": batch_size,
        "epochs": epochs, "device": device, "workers": workers,
    }  # fmt: skip
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for way, options in WAYS.items():
            answer = run_worker("bench.perf.train_worker", {**base, **options}, Path(folder), way)
            found.append({"way": way, **answer})
            report(f"{way}: {answer['images_per_second']:.1f} images/s")
    table = pd.DataFrame(found)
    table["ratio"] = table["images_per_second"] / table["images_per_second"].iloc[0]
    return table[["way", "images_per_second", "ratio", "seconds", "peak_gib", "note"]]

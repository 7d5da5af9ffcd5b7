"""`defectbench perf train`: training ResNet-18, or a step of another network, the plain way and ours."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.perf.process import run_worker

PLAIN = "plain skorch loop, float32 NCHW"
#: The speed of a search step in bfloat16 below which its costliest operations are reported.
WANTED = 1.5
MODELS = ("resnet18", "efficientnet_lite0", "darts-search")
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
    """Train a few epochs in each way, one after the other.

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
        Called with a line after each finished row.

    Returns
    -------
    DataFrame
        Columns `way`, `images_per_second`, `ratio` (to the plain way), `seconds` (per epoch), `peak_gib`
        and `note`.
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


def measure_search_step(
    *,
    size: int = 64,
    batch_size: int = 32,
    steps: int = 8,
    device: str = "cpu",
    channels: int = 8,
    layers: int = 5,
    report: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Time a first-order step of the DARTS search in float32 NCHW and in other types and layouts.

    All ways run the same code on the same generated images, in one process, one step each in turn, so that a
    change of the load of the machine meets all of them alike.

    Parameters
    ----------
    size, batch_size : int
        Side of the images, pixels, and images of each half per step.
    steps : int
        Timed steps of each way; two more come before them and are not timed.
    device : str
    channels, layers : int
        As in `DartsSearch`; the defaults are those of preset `darts`.
    report : callable
        Called with a line after each finished row, and with a line that names the costliest operations where
        bfloat16 is less than 1.5 times as fast.

    Returns
    -------
    DataFrame
        way, images_per_second, ratio (to float32 NCHW), seconds (a step, median), peak_gib, note (the
        costliest operations). `peak_gib` is the most memory of the process in which all ways ran.
    """
    task = {
        "way": "search", "size": size, "batch_size": batch_size, "steps": steps, "device": device,
        "channels": channels, "layers": layers,
    }  # fmt: skip
    table = _measure_ways(task, 2 * batch_size, "the step of the search", report)
    ours = table.iloc[-1]
    if ours["ratio"] < WANTED:
        report(f"{ours['way']} is less than {WANTED:g} times as fast; a step spends {ours['note']}")
    return table


def measure_gradients(
    *,
    size: int = 160,
    batch_size: int = 32,
    steps: int = 8,
    report: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Time a training step of EfficientNet-Lite0 in bfloat16 on the CPU, with torch's gradients and ours.

    The two ways take one step each in turn, on the same generated images, in one process. Weights are random.

    Parameters
    ----------
    size, batch_size : int
        Side of the images, pixels, and images per step; those of preset `elpv` by default.
    steps : int
        Timed steps of each way; two more come before them and are not timed.
    report : callable
        Called with a line after each finished row.

    Returns
    -------
    DataFrame
        As `measure_search_step`; `ratio` is to torch's gradients.
    """
    task = {"way": "gradients", "size": size, "batch_size": batch_size, "steps": steps, "device": "cpu"}
    return _measure_ways(task, batch_size, "a step of EfficientNet-Lite0", report)


def _measure_ways(
    task: dict[str, Any], images: int, title: str, report: Callable[[str], None]
) -> pd.DataFrame:
    """Time the ways that take a step each in turn in one process; `images` are those of a step."""
    with tempfile.TemporaryDirectory() as folder:
        answer = run_worker("bench.perf.train_worker", task, Path(folder), title)
    table = pd.DataFrame(answer["ways"])
    table["images_per_second"] = images / table["seconds"]
    table["ratio"] = table["images_per_second"] / table["images_per_second"].iloc[0]
    table["peak_gib"] = answer["peak_gib"]
    for row in table.itertuples(index=False):
        report(f"{row.way}: {row.images_per_second:.1f} images/s, ratio {row.ratio:.2f}")
    return table[["way", "images_per_second", "ratio", "seconds", "peak_gib", "note"]]

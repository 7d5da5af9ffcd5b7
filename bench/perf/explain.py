"""`defectbench perf explain`: heat maps in batches against one forward and backward pass.

Also the worker, in a process of its own: `python -m bench.perf.explain TASK.json ANSWER.json`.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.perf.process import answer_task, run_worker

PASS = "forward and backward pass"


def measure_maps(
    network: str,
    methods: Sequence[str],
    *,
    images: int = 1000,
    more: int = 10_000,
    size: int = 128,
    batch_size: int = 64,
    device: str = "cpu",
    report: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Time the maps of a network with random weights on noise, and the memory for few and for many maps.

    Parameters
    ----------
    network : str
        Name of a network.
    methods : sequence of str
        Methods of `classifiers.maps`.
    images, more : int
        Numbers of maps; 0 for `more` leaves the second measurement of memory out.
    size : int
        Side of the images, pixels.
    batch_size : int
    device : str
    report : callable
        Called with a line for each row.

    Returns
    -------
    DataFrame
        `what`, `images`, `images_per_second`, `ratio` (to the passes) and `peak_gib` (of the process).
    """
    task = {"network": network, "size": size, "batch_size": batch_size, "device": device}
    rows = [(PASS, images)]
    rows += [(method, count) for method in methods for count in (images, more) if count]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for what, count in rows:
            answer = run_worker(
                "bench.perf.explain", {**task, "what": what, "images": count}, Path(folder), what
            )
            found.append({"what": what, "images": count, **answer})
            report(f"{what}, {count} images: {answer['images_per_second']:.1f} images/s")
    table = pd.DataFrame(found)
    table["ratio"] = table["images_per_second"] / table["images_per_second"].iloc[0]
    return table[["what", "images", "images_per_second", "ratio", "peak_gib"]]


def main(task_path: str, answer_path: str) -> None:
    """Measure what the task names and write the answer."""
    answer_task(_measure, task_path, answer_path)


def _measure(task: dict[str, Any]) -> dict[str, float]:
    import torch

    from classifiers import make_classifier
    from classifiers.maps.networks import network_maps
    from features.chunks import chunks
    from features.extract.forward import autocast, choose_device

    estimator = make_classifier(task["network"], size=task["size"], weights="random", device=task["device"])
    estimator.classes_, estimator.n_channels_ = np.array([0, 1]), 1
    estimator.device_ = device = choose_device(task["device"])
    estimator.module_ = module = estimator.build_untrained().to(device).eval()
    batch, side = task["batch_size"], task["size"]
    pixels = np.random.default_rng(0).integers(0, 256, (batch, side, side), np.uint8)
    module.requires_grad_(True)
    module.frozen = False

    def passed(rows: slice) -> None:
        images = torch.from_numpy(pixels[: rows.stop - rows.start])[:, None].to(device)
        with autocast(device, getattr(torch, estimator.precision)):
            module(images).sum().backward()
        module.zero_grad(set_to_none=True)

    def mapped(rows: slice) -> None:
        network_maps(estimator, pixels[: rows.stop - rows.start], method=task["what"], batch_size=batch)

    call = passed if task["what"] == PASS else mapped
    call(slice(0, batch))
    started = time.perf_counter()
    for rows in chunks(task["images"], batch):
        call(rows)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return {"images_per_second": task["images"] / (time.perf_counter() - started)}


if __name__ == "__main__":
    main(*sys.argv[1:])

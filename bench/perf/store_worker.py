"""One use of an embedding store in a process of its own, so that memory peaks stay apart.

Called as `python -m bench.perf.store_worker TASK.json ANSWER.json`.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.perf.process import peak_gib
from features.store.store import PART_ROWS, EmbeddingCollection, EmbeddingKey, EmbeddingStore

DIM = 512


def main(task_path: str, answer_path: str) -> None:
    """Do what the task names and write what it took."""
    warnings.simplefilter("ignore")
    task = json.loads(Path(task_path).read_text())
    before = peak_gib()
    answer = _USES[task["use"]](task)
    answer["peak_gib"] = peak_gib() - before
    Path(answer_path).write_text(json.dumps(answer))


def _write(task: dict[str, Any]) -> dict[str, Any]:
    """Write generated embeddings: two overlapping classes, half of the values zero, as after a ReLU."""
    collection = _collection(task)
    started = time.perf_counter()
    with collection.lock():
        for names, matrix in _generated(task["rows"]):
            collection.append(names, matrix)
    return {"seconds": time.perf_counter() - started, "disk_gib": collection.size_bytes / 2**30}


def _read(task: dict[str, Any]) -> dict[str, Any]:
    """Read all embeddings into one matrix, a fresh process's first."""
    # Arrow loads pandas at its first conversion; the plain way has it loaded too before its time begins.
    import pandas  # noqa: F401

    names = _names(0, task["rows"])
    started = time.perf_counter()
    matrix = _collection(task).read(names)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "matrix_gib": matrix.nbytes / 2**30}


def _read_plain(task: dict[str, Any]) -> dict[str, Any]:
    """Read the same files the way people write it: pandas, then a stack of the rows."""
    import pandas as pd

    folder = _collection(task).path
    started = time.perf_counter()
    frame = pd.concat([pd.read_parquet(path) for path in sorted(folder.glob("part-*.parquet"))])
    matrix = np.stack(frame["embedding"].tolist())
    return {"seconds": time.perf_counter() - started, "matrix_gib": matrix.nbytes / 2**30}


def _search(task: dict[str, Any]) -> dict[str, Any]:
    """Stream all embeddings, keep every other row, and search LDA's shrinkage on them."""
    import classifiers

    started = time.perf_counter()
    n = task["rows"]
    kept = np.empty((-(-n // 2), DIM), np.float32)
    y = np.empty(len(kept), int)
    filled = 0
    for names, block in _collection(task).stream():
        numbers = np.array([int(name, 16) for name in names])
        chosen = numbers % 2 == 0
        count = int(chosen.sum())
        kept[filled : filled + count] = block[chosen]
        y[filled : filled + count] = _labels(numbers[chosen])
        filled += count
    read = time.perf_counter() - started
    search = classifiers.make_search("lda", cv=5, refit=False, n_jobs=-1).fit(kept, y)
    return {
        "seconds": time.perf_counter() - started,
        "matrix_gib": kept.nbytes / 2**30,
        "note": f"{filled:,} of {n:,} rows kept, streamed in {read:.1f} s; CV AUC {search.best_score_:.4f}",
    }


def _collection(task: dict[str, Any]) -> EmbeddingCollection:
    key = EmbeddingKey("generated", "none", "", DIM, {"size": 0}, storage=task["storage"])
    return EmbeddingStore(task["folder"]).collection(key)


def _generated(rows: int) -> Iterator[tuple[list[str], np.ndarray]]:
    direction = np.random.default_rng(0).normal(size=DIM).astype(np.float32) * 0.03
    for start in range(0, rows, PART_ROWS):
        count = min(PART_ROWS, rows - start)
        noise = np.random.default_rng([1, start]).standard_normal((count, DIM), np.float32)
        labels = _labels(np.arange(start, start + count))
        yield _names(start, count), np.maximum(noise + labels[:, None] * direction, 0)


def _names(start: int, count: int) -> list[str]:
    return [f"{number:064x}" for number in range(start, start + count)]


def _labels(numbers: np.ndarray) -> np.ndarray:
    return (numbers // 2 % 5 == 0).astype(int)


_USES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "write": _write,
    "read": _read,
    "read, pandas": _read_plain,
    "stream, filter, search": _search,
}

if __name__ == "__main__":
    main(*sys.argv[1:])

"""`defectbench perf store`: the embedding store at the size of a factory's archive."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.perf.process import run_worker

PLAIN = "read, pandas"
_WORKER = "bench.perf.store_worker"


def measure_store(
    sizes: Sequence[tuple[int, str]],
    *,
    folder: str | None = None,
    plain_most: int = 100_000,
    report: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Write, read and search generated embeddings of 512 values, each in a process of its own.

    Parameters
    ----------
    sizes : sequence of (int, str)
        Rows, and the type they are stored in.
    folder : str, optional
        Where the store is made, in a folder that is removed again.
    plain_most : int
        The plain way, which needs many times the memory, is left out for more rows.
    report : callable
        Told of each finished row.

    Returns
    -------
    DataFrame
        rows, storage, use, seconds, ratio (to pandas), peak_gib (of the process, less what it had before
        it began), matrix_gib, peak_of_matrix (their ratio), disk_gib, note.
    """
    found: list[dict[str, Any]] = []
    for rows, storage in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            task = {"rows": rows, "storage": storage, "folder": f"{place}/store"}
            uses = ["write", "read", *([PLAIN] if rows <= plain_most else []), "stream, filter, search"]
            for use in uses:
                answer = run_worker(_WORKER, {**task, "use": use}, Path(place), f"{use} {rows:,} rows")
                found.append({"rows": rows, "storage": storage, "use": use, **answer})
                report(f"{rows:,} rows, {storage}, {use}: {answer['seconds']:.2f} s")
    table = pd.DataFrame(found)
    plain = table[table["use"] == PLAIN].set_index(["rows", "storage"])["seconds"]
    keys = list(zip(table["rows"], table["storage"], strict=True))
    read = table["use"].isin(["read", PLAIN])
    table["ratio"] = [plain.get(key, np.nan) for key in keys] / table["seconds"].where(read)
    table["peak_of_matrix"] = table["peak_gib"] / table["matrix_gib"]
    columns = ["rows", "storage", "use", "seconds", "ratio", "peak_gib", "matrix_gib", "peak_of_matrix",
               "disk_gib", "note"]  # fmt: skip
    return table.reindex(columns=columns).assign(note=lambda t: t["note"].fillna(""))

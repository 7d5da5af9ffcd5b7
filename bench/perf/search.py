"""`defectbench perf search`: compare four grid searches on the same grid, folds and cores."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid

from bench.perf.data import Rows
from bench.perf.grids import TOTAL, grid_of
from bench.perf.process import run_worker
from bench.perf.search_worker import METHODS

PLAIN, PATHS = METHODS[0], METHODS[-1]
_WORKER = "bench.perf.search_worker"
_UNKNOWN: dict[str, Any] = {
    "scores": None, "best": None, "fits": np.nan, "cv_score": np.nan, "test_auc": np.nan, "peak_gib": np.nan,
}  # fmt: skip
_ALONE = ("PathSearchCV", "HalvingGridSearchCV")


def measure_searches(
    rows: Rows,
    families: Sequence[str],
    methods: Sequence[str],
    *,
    folds: int = 5,
    jobs: int = -1,
    stock_cells: int | None = None,
    stock_folds: int | None = None,
    stock_seconds: float | None = None,
    refit: bool = True,
    device: str = "cpu",
    report: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Time each method on each family of models, one after the other.

    Parameters
    ----------
    rows : (X, y, X_test, y_test)
        Embeddings and labels for the search, and for the test AUC of the selected model.
    families : sequence of str
        Names of families in `REFERENCE_GRID`.
    methods : sequence of str
        Names in `METHODS`.
    folds, jobs : int
    stock_cells, stock_folds : int, optional
        Time GridSearchCV on this number of cells and folds only. The cells are spread over those with the
        fewest trees. The seconds are scaled to the whole grid, in proportion to the number of trees, and
        the column `note` says so.
    stock_seconds : float, optional
        Stop GridSearchCV after this time. The time until then is reported as a lower bound.
    refit : bool
        Whether to fit the selected model and report its test AUC. The fit is not timed.
    device : {"cpu", "cuda"}
        Device of PathSearchCV and of every XGBoost model. scikit-learn's other models run on the CPU only
        and get no ratio when PathSearchCV runs on CUDA.
    report : callable
        Called with one line after each finished row.

    Returns
    -------
    DataFrame
        Columns `family`, `method`, `device`, `seconds`, `ratio` (to GridSearchCV on the same device),
        `fits`, `best`, `cv_score`, `largest_difference` (between a cell's score and GridSearchCV's),
        `test_auc`, `peak_gib` and `note`, and one row `total` per method.
    """
    jobs = jobs if jobs > 0 else len(os.sched_getaffinity(0)) + 1 + jobs
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        data, started = Path(folder) / "rows.npz", Path(folder) / "started"
        np.savez(data, X=rows[0], y=rows[1], X_test=rows[2], y_test=rows[3])
        for family in families:
            for method in methods:
                task = _task(family, method, folds, jobs, str(data), str(started), refit)
                task["device"] = device
                note, limit = "", None
                if method not in _ALONE:
                    note, limit = _thin_out(task, stock_cells, stock_folds), stock_seconds
                started.unlink(missing_ok=True)
                try:
                    answer = run_worker(_WORKER, task, Path(folder), f"{family}, {method}", limit=limit)
                except TimeoutError:
                    # Starting the process and warming up are in the limit, not in the seconds.
                    seconds = time.time() - started.stat().st_mtime if started.exists() else 0.0
                    answer = {"seconds": seconds, **_UNKNOWN}
                    stopped = f"stopped after {seconds:.0f} s: a lower bound"
                    note = ", ".join(filter(None, [note, stopped]))
                answer["seconds"] *= task["scale"]
                used = device if method == PATHS or task["model"] == "xgb" else "cpu"
                found.append({"family": family, "method": method, "device": used, "note": note, **answer})
                report(f"{family}, {method}: {answer['seconds']:.1f} s{', ' + note if note else ''}")
    return _with_ratios(pd.DataFrame(found))


def generated_rows(n: int, d: int = 512, seed: int = 0) -> Rows:
    """Generate `n` rows that resemble embeddings of two overlapping classes, and `n // 4` test rows."""
    rng = np.random.default_rng(seed)
    total = n + n // 4
    y = (rng.random(total) < 0.3).astype(int)
    factors = rng.normal(size=(total, 64)) + y[:, None] * np.linspace(0.45, 0, 64)
    factors[:, :8] += 0.35 * factors[:, 8:16] * (2 * y[:, None] - 1)
    X = np.maximum(factors @ rng.normal(size=(64, d)) / 8 + 0.7 * rng.normal(size=(total, d)), -0.3)
    X = X.astype(np.float32)
    return X[:n], y[:n], X[n:], y[n:]


def _task(
    family: str, method: str, folds: int, jobs: int, data: str, started: str, refit: bool
) -> dict[str, Any]:
    model, grid = grid_of(family)
    return {
        "method": method, "model": model, "grid": grid, "folds": folds, "only_folds": None,
        "jobs": jobs, "data": data, "started": started, "refit": refit, "scale": 1.0,
    }  # fmt: skip


def _thin_out(task: dict[str, Any], cells: int | None, folds: int | None) -> str:
    """Reduce the task to the part that is timed; return the note for the table."""
    every = list(ParameterGrid(task["grid"]))
    chosen = every
    if cells is not None and cells < len(every):
        fewest = min(map(_trees, every))
        quick = [cell for cell in every if _trees(cell) == fewest]
        chosen = [quick[i] for i in sorted({round(i) for i in np.linspace(0, len(quick) - 1, cells)})]
        task["grid"] = [{name: [value] for name, value in cell.items()} for cell in chosen]
    kept = min(folds or task["folds"], task["folds"])
    task["only_folds"] = kept if kept < task["folds"] else None
    task["scale"] = sum(map(_trees, every)) * task["folds"] / (sum(map(_trees, chosen)) * kept)
    if task["scale"] == 1:
        return ""
    task["refit"] = False
    return f"timed on {len(chosen)} of {len(every)} cells, {kept} of {task['folds']} folds, scaled"


def _trees(cell: dict[str, Any]) -> int:
    """Return the number of trees of a cell, to which its time is proportional; 1 for other models."""
    return cell.get("model__n_estimators", 1)


def _with_ratios(found: pd.DataFrame) -> pd.DataFrame:
    plain = found[found["method"] == PLAIN].set_index("family")
    equal = found["device"] == found["family"].map(plain["device"])
    found["ratio"] = (found["family"].map(plain["seconds"]) / found["seconds"]).where(equal)
    found["largest_difference"] = [
        _difference(row.scores, plain["scores"].get(row.family)) for row in found.itertuples()
    ]
    totals = []
    for method, rows in found[found["family"].isin(TOTAL)].groupby("method", sort=False):
        seconds = rows["seconds"].sum()
        base = plain["seconds"].reindex(rows["family"]).sum()
        comparable = bool(equal[rows.index].all())
        totals.append({
            "family": f"total of {len(rows)}", "method": method,
            "device": ", ".join(sorted(set(rows["device"]))), "seconds": seconds,
            "ratio": base / seconds if comparable else np.nan, "fits": rows["fits"].sum(),
            "peak_gib": rows["peak_gib"].max(),
        })  # fmt: skip
    table = pd.concat([found, pd.DataFrame(totals)], ignore_index=True)
    table["best"] = [json.dumps(best) if isinstance(best, dict) else "" for best in table["best"]]
    table["note"] = table["note"].fillna("")
    columns = ["family", "method", "device", "seconds", "ratio", "fits", "best", "cv_score",
               "largest_difference", "test_auc", "peak_gib", "note"]  # fmt: skip
    return table[columns]


def _difference(scores: Any, plain: Any) -> float:
    comparable = isinstance(scores, list) and isinstance(plain, list) and len(scores) == len(plain)
    return float(np.abs(np.subtract(scores, plain)).max()) if comparable else float("nan")

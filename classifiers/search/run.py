"""Runs the paths of a search: which cells share a call, in which order, on how many threads."""

import contextlib
import time
import warnings
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.multiclass import type_of_target
from threadpoolctl import threadpool_limits

from classifiers.search.blocks import BlockStore
from classifiers.search.candidate import cell_name
from classifiers.search.paths import Path, Problem, find_path
from classifiers.search.paths.base import Fold, Response


@dataclass(frozen=True, eq=False)
class Means:
    """What a search may use.

    Parameters
    ----------
    jobs : int
        Threads in all.
    accelerate : bool
    device : str
    memory_bytes : int
    """

    jobs: int
    accelerate: bool
    device: str
    memory_bytes: int


@dataclass(eq=False)
class Answers:
    """What the paths have found.

    Parameters
    ----------
    responses : dict of (cell name, fold number) to Response
    seconds : dict of (cell name, fold number) to float
        A cell's share of its call.
    fits : int
        Models fitted.
    """

    responses: dict[tuple[str, int], Response]
    seconds: dict[tuple[str, int], float]
    fits: int = 0


def run_paths(
    estimator: BaseEstimator,
    X: Any,
    y: Any,
    cells: list[dict[str, Any]],
    folds: list[Fold],
    means: Means,
    blocks: BlockStore,
    report: Callable[[int], None],
) -> Answers:
    """Score every cell that a path can score, on every fold.

    Parameters
    ----------
    estimator : estimator
        A model, or a pipeline that ends in one.
    X, y : array-like
        The rows.
    cells : list of dict
        The grid's settings, in the estimator's names.
    folds : list of Fold
    means : Means
    blocks : BlockStore
        Where finished blocks are kept.
    report : callable
        Called with the number of cells just answered.

    Returns
    -------
    Answers
        A cell that no path takes, or whose path failed, has none.
    """
    answers = Answers({}, {})
    prefix, model, lead = _split(estimator)
    made_for, rows = find_path(model), _rows(X)
    if made_for is None or rows is None or y is None or not _is_classification(y):
        return answers
    usable = [fold for fold in folds if _complete(np.asarray(y), fold)]
    longest = max((len(fold.train) for fold in folds), default=0)
    problem = Problem(
        model, prefix, rows, np.asarray(y), longest, 1, means.accelerate, means.device, means.memory_bytes
    )
    path = made_for(problem)
    shared: dict[Hashable, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for cell in cells:
        inner = _inner(cell, lead, model)
        if inner is not None and _is_valid(path, inner) and path.takes(inner):
            shared.setdefault(path.block(inner), []).append((cell, inner))
    if not shared or not usable:
        return answers
    tasks = [(fold, block) for block in shared.values() for fold in usable]
    tasks.sort(key=lambda task: -path.cost(task[1][0][1]))
    outer, problem.threads = _share_out(path, means, len(tasks))
    if path.is_batched():
        _run_batched(path, list(shared.values()), usable, answers, blocks, report)
        return answers
    _run_threads(path, tasks, outer, answers, blocks, report)
    return answers


def _run_threads(
    path: Path,
    tasks: list[Any],
    outer: int,
    answers: Answers,
    blocks: BlockStore,
    report: Callable[[int], None],
) -> None:
    def work(fold: Fold, block: list[tuple[dict[str, Any], dict[str, Any]]]) -> tuple[Any, ...]:
        known = blocks.load_responses(fold.number, [cell for cell, _ in block])
        if known is not None:
            return fold, block, known, 0, 0.0
        started = time.perf_counter()
        responses, fits = path.run(fold, [inner for _, inner in block])
        blocks.save_responses(fold.number, [cell for cell, _ in block], responses)
        return fold, block, responses, fits, time.perf_counter() - started

    def finish(outcome: tuple[Any, ...]) -> None:
        fold, block, responses, fits, seconds = outcome
        _record(answers, fold, block, responses, seconds)
        answers.fits += fits
        report(len(block))

    with threadpool_limits(path.problem.threads):
        if path.alone:
            for task in tasks:
                try:
                    finish(work(*task))
                except Exception as problem:
                    _tell(path, problem)
            return
        with ThreadPoolExecutor(outer) as pool:
            futures = [pool.submit(work, *task) for task in tasks]
            try:
                for future in as_completed(futures):
                    error = future.exception()
                    if isinstance(error, Exception):
                        _tell(path, error)
                    else:
                        finish(future.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _run_batched(
    path: Path,
    shared: list[Any],
    folds: list[Fold],
    answers: Answers,
    blocks: BlockStore,
    report: Callable[[int], None],
) -> None:
    for block in shared:
        cells, inner = [cell for cell, _ in block], [inner for _, inner in block]
        known = {fold.number: blocks.load_responses(fold.number, cells) for fold in folds}
        open_folds = [fold for fold in folds if known[fold.number] is None]
        started = time.perf_counter()
        try:
            by_fold, fits = path.run_batched(open_folds, inner) if open_folds else ([], 0)
        except Exception as error:
            _tell(path, error)
            continue
        seconds = (time.perf_counter() - started) / len(folds)
        for fold, responses in zip(open_folds, by_fold, strict=True):
            blocks.save_responses(fold.number, cells, responses)
            known[fold.number] = responses
        for fold in folds:
            _record(answers, fold, block, known[fold.number] or [], seconds)
        answers.fits += fits
        report(len(block) * len(folds))


def _record(answers: Answers, fold: Fold, block: Any, responses: list[Response], seconds: float) -> None:
    for (cell, _), response in zip(block, responses, strict=True):
        answers.responses[cell_name(cell), fold.number] = response
        answers.seconds[cell_name(cell), fold.number] = seconds / len(block)


def _tell(path: Path, error: Exception) -> None:
    warnings.warn(
        f"{type(path).__name__} failed ({type(error).__name__}: {error}); its cells are fitted one by one",
        stacklevel=2,
    )


def _share_out(path: Path, means: Means, tasks: int) -> tuple[int, int]:
    """Return how many calls run at a time, and on how many threads each, within the memory."""
    for outer in range(1 if path.alone else min(means.jobs, tasks), 1, -1):
        threads = max(1, means.jobs // outer)
        if outer * path.bytes_per_call(threads) <= means.memory_bytes:
            return outer, threads
    threads = means.jobs
    while threads > 1 and path.bytes_per_call(threads) > means.memory_bytes:
        threads -= 1
    return 1, threads


def _split(estimator: BaseEstimator) -> tuple[Pipeline | None, BaseEstimator, str]:
    """Return the steps before the model, the model, and what its parameters are prefixed with."""
    if not isinstance(estimator, Pipeline):
        return None, estimator, ""
    steps = [(name, step) for name, step in estimator.steps[:-1] if step not in (None, "passthrough")]
    name, model = estimator.steps[-1]
    return (Pipeline(steps) if steps else None), model, f"{name}__"


def _inner(cell: dict[str, Any], lead: str, model: BaseEstimator) -> dict[str, Any] | None:
    """Return a cell in the model's own names, None when it sets anything else."""
    own = set(model.get_params(deep=False)) if hasattr(model, "get_params") else set()
    inner = {name.removeprefix(lead): value for name, value in cell.items() if name.startswith(lead)}
    return inner if len(inner) == len(cell) and set(inner) <= own else None


def _is_valid(path: Path, cell: dict[str, Any]) -> bool:
    """Tell whether the model would accept a setting; one that it refuses is left to its own error."""
    model = path.setting(cell)
    try:
        # Models from elsewhere inherit the method without saying what to check.
        if hasattr(model, "_parameter_constraints"):
            model._validate_params()
    except ValueError:
        return False
    return True


def _rows(X: Any) -> np.ndarray | None:
    """Return `X` as a float matrix, None when a path could not use it."""
    with contextlib.suppress(TypeError, ValueError):
        rows = np.asarray(X)
        if rows.ndim == 2 and rows.dtype.kind in "fiub" and rows.size and np.isfinite(rows).all():
            if rows.dtype in (np.float32, np.float64):
                return rows
            return rows.astype(np.float32 if rows.dtype == np.float16 else np.float64)
    return None


def _is_classification(y: Any) -> bool:
    return np.ndim(y) == 1 and type_of_target(y) in ("binary", "multiclass")


def _complete(y: np.ndarray, fold: Fold) -> bool:
    return len(np.unique(y[fold.train])) == len(np.unique(y)) > 1

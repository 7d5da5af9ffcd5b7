"""Runs the paths of a search: which cells share a call, in which order, on how many threads."""

import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

import numpy as np
from sklearn import config_context, get_config
from threadpoolctl import threadpool_limits

from classifiers.search.blocks import BlockStore
from classifiers.search.inputs import Setting
from classifiers.search.paths import Path, Problem
from classifiers.search.paths.base import Fold, Response, StepAside

_Block = list[Setting]
_Result = tuple[list[Response | None], int, float]


@dataclass(frozen=True, eq=False)
class Resources:
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
    responses : dict of (cell key, fold number) to Response
    seconds : dict of (cell key, fold number) to float
        A cell's share of its call.
    fits : int
        Models fitted.
    errors : dict of (cell key, fold number) to str
        What a path has raised; the library then fits the cell, and raises or warns in its own way.
    """

    responses: dict[tuple[str, int], Response] = field(default_factory=dict)
    seconds: dict[tuple[str, int], float] = field(default_factory=dict)
    fits: int = 0
    errors: dict[tuple[str, int], str] = field(default_factory=dict)

    def record(self, fold: Fold, block: _Block, responses: list[Response | None], seconds: float) -> int:
        """Add the answers of a block on a fold and return how many there are."""
        answered = 0
        for setting, response in zip(block, responses, strict=True):
            if response is not None and response.is_finite():
                self.responses[setting.key, fold.number] = response
                self.seconds[setting.key, fold.number] = seconds / len(block)
                answered += 1
        return answered

    def record_error(self, path: Path, fold: Fold, block: _Block, error: Exception) -> None:
        """Note that a path has raised, unless it only stepped aside."""
        if not isinstance(error, StepAside):
            for setting in block:
                self.errors[setting.key, fold.number] = (
                    f"{type(path).__name__} failed ({type(error).__name__}: {error})"
                )


def run_paths(
    made_for: type[Path],
    problem: Problem,
    settings: list[Setting],
    folds: list[Fold],
    resources: Resources,
    blocks: BlockStore,
    report: Callable[[int], None],
) -> Answers:
    """Score every setting that a path can score exactly, on every fold.

    Parameters
    ----------
    made_for : class of Path
    problem : Problem
    settings : list of Setting
    folds : list of Fold
    resources : Resources
    blocks : BlockStore
        Where finished blocks are kept.
    report : callable
        Called with the number of cells just answered.

    Returns
    -------
    Answers
        A cell that the path does not take, or could not answer, has none.
    """
    answers = Answers()
    usable = [fold for fold in folds if _is_complete(problem.codes, fold)]
    path = made_for(problem)
    shared: dict[Hashable, _Block] = {}
    for setting in settings:
        if path.takes(setting.model):
            shared.setdefault(path.block(setting.model), []).append(setting)
    if not shared or not usable:
        return answers
    if path.is_batched():
        _run_batched(path, list(shared.values()), usable, answers, blocks, report)
        return answers
    tasks = [(fold, block) for block in shared.values() for fold in usable]
    tasks.sort(key=lambda task: -path.cost(task[1][0].model))
    outer, problem.threads = _share_out(path, resources, len(tasks))
    _run_threads(path, tasks, outer, answers, blocks, report)
    return answers


def _run_threads(
    path: Path,
    tasks: list[tuple[Fold, _Block]],
    outer: int,
    answers: Answers,
    blocks: BlockStore,
    report: Callable[[int], None],
) -> None:
    config = get_config()

    def work(fold: Fold, block: _Block) -> _Result:
        keys = [setting.key for setting in block]
        known = blocks.load_responses(fold, keys)
        if known is not None:
            return known, 0, 0.0
        started = time.perf_counter()
        # Threads do not inherit scikit-learn's configuration.
        with config_context(**config):
            responses, fits = path.run(fold, [setting.model for setting in block])
        blocks.save_responses(fold, keys, responses)
        return responses, fits, time.perf_counter() - started

    def finish(fold: Fold, block: _Block, result: Callable[[], _Result]) -> None:
        try:
            responses, fits, seconds = result()
        except Exception as error:
            answers.record_error(path, fold, block, error)
            return
        answers.fits += fits
        report(answers.record(fold, block, responses, seconds))

    with threadpool_limits(path.problem.threads):
        if path.alone:
            for fold, block in tasks:
                finish(fold, block, lambda fold=fold, block=block: work(fold, block))  # type: ignore[misc]
            return
        with ThreadPoolExecutor(outer) as pool:
            futures = {pool.submit(work, *task): task for task in tasks}
            try:
                for future in as_completed(futures):
                    finish(*futures[future], future.result)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _run_batched(
    path: Path,
    shared: list[_Block],
    folds: list[Fold],
    answers: Answers,
    blocks: BlockStore,
    report: Callable[[int], None],
) -> None:
    for block in shared:
        keys = [setting.key for setting in block]
        known = {fold.number: blocks.load_responses(fold, keys) for fold in folds}
        open_folds = [fold for fold in folds if known[fold.number] is None]
        started = time.perf_counter()
        try:
            by_fold: list[list[Response | None]] = []
            fits = 0
            if open_folds:
                by_fold, fits = path.run_batched(open_folds, [setting.model for setting in block])
        except Exception as error:
            for fold in open_folds:
                answers.record_error(path, fold, block, error)
            continue
        seconds = (time.perf_counter() - started) / len(folds)
        for fold, responses in zip(open_folds, by_fold, strict=True):
            blocks.save_responses(fold, keys, responses)
            known[fold.number] = responses
        answers.fits += fits
        report(sum(answers.record(fold, block, known[fold.number] or [], seconds) for fold in folds))


def _share_out(path: Path, resources: Resources, tasks: int) -> tuple[int, int]:
    """Return how many calls run at a time, and on how many threads each, within the memory."""
    for outer in range(1 if path.alone else min(resources.jobs, tasks), 1, -1):
        threads = max(1, resources.jobs // outer)
        if outer * path.bytes_per_call(threads) <= resources.memory_bytes:
            return outer, threads
    threads = resources.jobs
    while threads > 1 and path.bytes_per_call(threads) > resources.memory_bytes:
        threads -= 1
    return 1, threads


def _is_complete(codes: np.ndarray, fold: Fold) -> bool:
    """Return whether a fold has rows to test on and trains on every class."""
    return len(fold.test) > 0 and len(np.unique(codes[fold.train])) == codes.max() + 1

"""How long a run will take, estimated before it starts."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from bench.console import say, task
from bench.engine.context import Context
from bench.engine.job import Job
from features.errors import InputError

#: Seconds that `_speed` takes on the machine that the constants of the estimates were measured on.
_REFERENCE_SECONDS = 0.116
#: Runs on fewer images, or of fewer seconds, get no estimate.
_WORTH = 200
_SHORT = 30.0


def estimate(jobs: Sequence[Job], context: Context) -> dict[str, float]:
    """Estimate the seconds of each job that is still to be done.

    Parameters
    ----------
    jobs : sequence of Job
        The jobs of a run.
    context : Context

    Returns
    -------
    dict of str to float
        Seconds by job id. Networks are timed on a few images; the searches scale with rows and columns.
        A job whose input cannot be had counts as 0.
    """
    missing = [job for job in jobs if not context.folder.is_ok(job.id)]
    found: dict[str, float] = {}
    with task("estimating the time", len(missing), "jobs") as update:
        for number, job in enumerate(missing, start=1):
            try:
                job.check(context)
                found[job.id] = job.seconds(context)
            except InputError:
                # What is wrong is reported when the job runs.
                found[job.id] = 0.0
            update(number)
    return found


def announce(jobs: Sequence[Job], context: Context) -> None:
    """Say how long the jobs that are still to be done will take, by kind."""
    if len(context.images) < _WORTH:
        return
    found = estimate(jobs, context)
    total = sum(found.values())
    if total < _SHORT:
        return
    kinds: dict[str, float] = {}
    for job in jobs:
        if job.id in found:
            kinds[job.kind] = kinds.get(job.kind, 0.0) + found[job.id]
    parts = ", ".join(f"{kind} {in_words(seconds)}" for kind, seconds in kinds.items() if seconds >= 1)
    say(f"estimated time: {in_words(total)} ({parts})")
    for line in footprints(jobs, context, found):
        say(line)


def footprints(jobs: Sequence[Job], context: Context, seconds: dict[str, float]) -> list[str]:
    """Return a line for each network that is still to be trained: parameters, memory and estimated time.

    Parameters
    ----------
    jobs : sequence of Job
    context : Context
    seconds : dict of str to float
        As `estimate` returns them.
    """
    lines = []
    for job in jobs:
        if not seconds.get(job.id):
            continue
        needed = job.footprint(context)
        if needed is not None:
            lines.append(f"  {job.title}: {needed.words}, {in_words(seconds[job.id])}")
    return lines


def in_words(seconds: float) -> str:
    """Return a duration as people write it.

    Examples
    --------
    >>> in_words(42), in_words(600), in_words(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def machine_factor(context: Context) -> float:
    """Return how many times slower this machine is than the one that constants were measured on."""
    return context.once("machine factor", lambda: _speed() / _REFERENCE_SECONDS)


def seconds_per_item(call: Callable[[int], object], few: int, many: int) -> float:
    """Return the seconds that each further item takes in `call(number of items)`.

    The first call warms up and is not counted; the difference of the other two leaves out what each
    call takes whatever the number of items is.
    """
    spent = []
    for items in (few, few, many):
        started = time.perf_counter()
        call(items)
        spent.append(time.perf_counter() - started)
    return max((spent[2] - spent[1]) / (many - few), 1e-6)


def noise(context: Context, size: tuple[int, int], count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `count` random images with the channels of a run's images, and alternating classes.

    Parameters
    ----------
    context : Context
    size : (int, int)
        Height and width, pixels.
    count : int
    seed : int

    Returns
    -------
    X : uint8 array, shape (count, height, width) or (count, height, width, 3)
    y : int array, shape (count,)
    """
    shape = (count, *size, 3) if context.channels == 3 else (count, *size)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8), np.arange(count) % 2


def _speed() -> float:
    values = np.random.default_rng(0).random(2_000_000)
    spent = []
    for _ in range(3):
        started = time.perf_counter()
        np.sort(values)
        spent.append(time.perf_counter() - started)
    return float(np.median(spent))

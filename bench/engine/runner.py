"""Executes what is missing of a list of jobs; one that fails does not stop the others."""

import errno
import time
import traceback

from bench.console import say, warn
from bench.engine.context import Context
from bench.engine.execute import execute, row_of
from bench.jobs import Job
from bench.run_folder import OK, Outcome
from features.errors import InputError, WeightsUnavailable
from features.files import write_text


def run_jobs(jobs: list[Job], context: Context) -> dict[str, Outcome]:
    """Execute the jobs whose results are not there yet.

    Parameters
    ----------
    jobs : list of Job
        Each after those that it needs.
    context : Context
        What they share.

    Returns
    -------
    dict of str to Outcome
        How each job ended, by its id, those of earlier calls included.

    Raises
    ------
    InputError
        When the disk is full: nothing can be recorded then. What was finished is kept.
    """
    outcomes: dict[str, Outcome] = {}
    todo = [job for job in jobs if not context.folder.is_ok(job)]
    if len(todo) < len(jobs):
        say(f"{len(jobs) - len(todo)} of {len(jobs)} jobs are done already")
    for job in jobs:
        if job not in todo:
            outcomes[job.id] = context.folder.outcome(job.id) or Outcome(OK)
            continue
        outcome = _run(job, context, outcomes)
        outcomes[job.id] = outcome
        context.folder.write_outcome(job, outcome)
        place = f"[{len(outcomes)}/{len(jobs)}]"
        say(f"{place} {job.title}: {outcome.status if outcome.status != OK else f'{outcome.seconds:.1f} s'}")
    return outcomes


def _run(job: Job, context: Context, outcomes: dict[str, Outcome]) -> Outcome:
    row = row_of(job, context)
    for need in job.needs:
        status = outcomes[need.id].status
        if status != OK:
            reason = status.removeprefix("not run: ")
            return Outcome(f"not run: {reason}", 0.0, row)
    started = time.perf_counter()
    try:
        execute(job, context)
    except WeightsUnavailable as error:
        warn(str(error))
        return Outcome(f"not run: {error}", 0.0, row)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"{context.folder.path}: no space left on the disk while doing {job.title!r}; free some "
                "and run again, finished jobs are kept"
            ) from error
        write_text(context.folder.log_path(job), traceback.format_exc())
        reason = f"{type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0]
        if isinstance(error, InputError):
            reason = str(error)
        warn(f"{job.title} failed: {reason} (see {context.folder.log_path(job)})")
        return Outcome(f"failed: {reason}", time.perf_counter() - started, row)
    return Outcome(OK, time.perf_counter() - started, row)

"""Executes what is missing of a list of jobs; one that fails does not stop the others."""

import errno
import time
import traceback
from dataclasses import replace

from bench.console import say, warn
from bench.engine.context import Context
from bench.engine.job import Job
from bench.run_folder import Outcome
from features.errors import InputError, NotRunnable
from features.files import write_text
from results.status import Status


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
    ended = {job.id: context.folder.outcome(job.id) for job in jobs}
    done = {job_id: outcome for job_id, outcome in ended.items() if outcome is not None and outcome.ok}
    if done:
        say(f"{len(done)} of {len(jobs)} jobs are done already")
    for job in jobs:
        read = tuple(each.id for each in job.reads if outcomes[each.id].ok) if job.reads else None
        if job.id in done and done[job.id].read in (None, read):
            outcomes[job.id] = done[job.id]
            continue
        outcome = replace(_run(job, context, outcomes), read=read)
        outcomes[job.id] = outcome
        context.folder.write_outcome(job.id, outcome)
        place = f"[{len(outcomes)}/{len(jobs)}]"
        lacks = any(not outcomes[need.id].ok for need in job.needs)
        if outcome.status is Status.NOT_RUN and outcome.row is None and lacks:
            # The job that did not end well says why, once for all that read its result.
            continue
        say(f"{place} {job.title}: {f'{outcome.seconds:.1f} s' if outcome.ok else outcome.text}")
    return outcomes


def _run(job: Job, context: Context, outcomes: dict[str, Outcome]) -> Outcome:
    row = job.row(context)
    for need in job.needs:
        ended = outcomes[need.id]
        if not ended.ok:
            reason = ended.reason if ended.status is Status.NOT_RUN else ended.text
            return Outcome(Status.NOT_RUN, reason, 0.0, row)
    started = time.perf_counter()
    try:
        job.check(context)
        job.run(context)
    except NotRunnable as error:
        warn(str(error))
        return Outcome(Status.NOT_RUN, str(error), 0.0, row)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"{context.folder.path}: no space left on the disk while doing {job.title!r}; free some "
                "and run again, finished jobs are kept"
            ) from error
        log = context.folder.log_path(job.id)
        write_text(log, traceback.format_exc())
        reason = f"{type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0]
        if isinstance(error, InputError):
            reason = str(error)
        warn(f"{job.title} failed: {reason} (see {log})")
        return Outcome(Status.FAILED, reason, time.perf_counter() - started, row)
    return Outcome(Status.OK, "", time.perf_counter() - started, row)

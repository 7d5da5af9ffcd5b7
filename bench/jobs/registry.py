"""The registry of job kinds: a new one is one module and one line here."""

from typing import Any

from bench.engine.job import Job
from bench.jobs.audit import AuditJob
from bench.jobs.embed import EmbedJob
from bench.jobs.fit import FitJob
from bench.jobs.project import ProjectJob
from bench.jobs.search_cell import SearchCellJob
from bench.jobs.train import TrainJob
from bench.jobs.words import as_hashable
from bench.run_folder import RunFolder
from features.errors import InputError

KINDS: dict[str, type[Job]] = {
    kind.kind_name(): kind
    for kind in (
        SearchCellJob,
        TrainJob,
        EmbedJob,
        FitJob,
        ProjectJob,
        AuditJob,
    )
}


def from_record(record: dict[str, Any]) -> Job:
    """Return the job of a record that `bench.engine.job.to_record` made.

    Raises
    ------
    InputError
        For a kind or a field that this version does not know.
    """
    if record["kind"] not in KINDS:
        raise InputError(f"job {record['id']}: unknown kind {record['kind']!r}; run it with its own version")
    values: dict[str, Any] = {
        name: from_record(value) if isinstance(value, dict) else as_hashable(value)
        for name, value in record["fields"].items()
    }
    try:
        return KINDS[record["kind"]](**values)
    except TypeError as error:
        raise InputError(f"job {record['id']}: {error}; run it with its own version") from None


def read_jobs(folder: RunFolder) -> list[Job]:
    """Return the list of jobs of a run."""
    return [from_record(record) for record in folder.records()]

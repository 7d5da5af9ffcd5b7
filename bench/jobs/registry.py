"""The registry of job kinds: a new one is one module and one line here."""

from typing import Any

from bench.engine.job import Job
from bench.jobs.curve.fit import FitSubsetJob
from bench.jobs.curve.train import TrainSubsetJob
from bench.jobs.detect import DetectJob
from bench.jobs.embed import EmbedJob
from bench.jobs.explain import ExplainJob
from bench.jobs.fit import FitJob
from bench.jobs.look.audit import AuditJob
from bench.jobs.look.project import ProjectJob
from bench.jobs.patches import PatchesJob
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
        DetectJob,
        EmbedJob,
        FitJob,
        PatchesJob,
        ProjectJob,
        AuditJob,
        ExplainJob,
        FitSubsetJob,
        TrainSubsetJob,
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
    values: dict[str, Any] = {name: _value(value) for name, value in record["fields"].items()}
    try:
        return KINDS[record["kind"]](**values)
    except TypeError as error:
        raise InputError(f"job {record['id']}: {error}; run it with its own version") from None


def read_jobs(folder: RunFolder) -> list[Job]:
    """Return the list of jobs of a run."""
    return [from_record(record) for record in folder.records()]


def _value(value: Any) -> Any:
    """Return the field of a job from its JSON value: records are jobs, lists are tuples."""
    if isinstance(value, dict):
        return from_record(value)
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return tuple(from_record(each) for each in value)
    return as_hashable(value)

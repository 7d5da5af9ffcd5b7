"""What the runner does again, and what it leaves."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from bench.engine.job import Job
from bench.engine.runner import run_jobs
from bench.run_folder import RunFolder
from features.errors import NotRunnable

calls: list[str] = []
missing: set[str] = set()


@dataclass(frozen=True, kw_only=True)
class ModelJob(Job):
    name: str

    @property
    def title(self):
        return self.name

    def run(self, context):
        calls.append(self.name)
        if self.name in missing:
            raise NotRunnable("weights unreachable")


@dataclass(frozen=True, kw_only=True)
class LookJob(Job):
    models: tuple[ModelJob, ...] = ()

    @property
    def title(self):
        return "look"

    @property
    def reads(self):
        return self.models

    def identity(self):
        return {"models": [job.id for job in self.models]}

    def run(self, context):
        calls.append("look")


@pytest.fixture
def call(tmp_path):
    context = SimpleNamespace(folder=RunFolder(tmp_path))
    models = tuple(ModelJob(seed=0, name=name) for name in ("first", "second"))
    jobs = [*models, LookJob(seed=0, models=models)]

    def run(*not_run):
        calls.clear()
        missing.clear()
        missing.update(not_run)
        return run_jobs(jobs, context), list(calls)

    return run


def test_a_job_runs_again_when_another_of_the_jobs_that_it_reads_ends_well(call):
    assert call("second")[1] == ["first", "second", "look"]
    assert call("second")[1] == ["second"]
    assert call()[1] == ["second", "look"]
    outcomes, made = call()
    assert made == [] and all(outcome.ok for outcome in outcomes.values())


def test_a_job_that_read_nothing_runs_again_when_there_is_something(call):
    assert call("first", "second")[1] == ["first", "second", "look"]
    assert call("second")[1] == ["first", "second", "look"]


def test_an_outcome_saved_before_it_was_recorded_what_was_read_is_left(call, tmp_path):
    call("second")
    (path,) = tmp_path.glob("jobs/look*.json")
    lines = path.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if '"read"' in line)
    path.write_text("\n".join([*lines[: start - 1], lines[start - 1].rstrip(","), "}"]))
    assert call()[1] == ["second"]

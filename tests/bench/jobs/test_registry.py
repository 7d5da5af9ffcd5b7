"""What every job kind must do; a new kind is covered without a new test."""

import dataclasses

import pytest

from bench.config import RunConfig
from bench.engine.job import Job, to_record
from bench.jobs.plan import build_jobs
from bench.jobs.registry import KINDS, from_record

CONFIG = RunConfig.model_validate(
    {
        "dataset": {"name": "elpv"},
        "features": {"backbones": ["resnet18"], "fine_tuned": ["cnn2"], "projections": True},
        "classical": {"models": ["lda", "knn_distance", "patchcore"]},
        "cnn": {"models": ["cnn2"]},
        "darts": {"searches": 1},
        "curve": {"enabled": True, "sizes": "8,16", "network_sizes": "8", "draws": 2, "network_draws": 1},
        "detectors": {"models": ["fcos_resnet18"]},
    }
)


def planned(seed=0):
    config = CONFIG.model_copy(update={"seed": seed})
    return build_jobs(config, cnn_weights=lambda name: "random", symmetric=False)


@pytest.fixture(params=KINDS)
def jobs(request):
    """The jobs of one kind in a run of everything."""
    found = [job for job in planned() if job.kind == request.param]
    assert found, f"a run of everything plans no job of the kind {request.param}"
    return found


def test_every_kind_runs_and_says_what_it_does(jobs):
    for job in jobs:
        assert job.title and type(job).run is not Job.run
        assert type(job).__doc__ and type(job).__module__.startswith("bench.jobs.")


def test_every_kind_comes_back_from_its_record(jobs):
    for job in jobs:
        again = from_record(to_record(job))
        assert again == job and again.id == job.id


def test_every_kind_has_another_id_with_another_seed(jobs):
    ids = {job.id for job in jobs}
    assert len(ids) == len(jobs)
    assert not ids & {dataclasses.replace(job, seed=7).id for job in jobs}


def test_every_job_comes_after_those_it_needs():
    seen = set()
    for job in planned():
        assert {need.id for need in job.needs} <= seen
        seen.add(job.id)

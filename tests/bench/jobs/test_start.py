from types import SimpleNamespace

import pytest

from bench.config import load_config
from bench.engine.job import to_record
from bench.jobs.start import planned_jobs
from bench.jobs.train import TrainJob
from bench.run_folder import Outcome, RunFolder
from features.errors import WeightsUnavailable
from results.status import Status

NETWORKS = ("resnet18_fbp", "resnet18_ll", "efficientnet_lite0_fbp")


class Run:
    """A run whose jobs are planned again and again, with or without a hub."""

    def __init__(self, place):
        self.folder = RunFolder(place)
        self.asked = []
        self.embedder = SimpleNamespace(backbone=lambda name, weights: None)
        self.reachable = True

    def check_weights(self, name, weights):
        self.asked.append(name)
        if not self.reachable:
            raise WeightsUnavailable("no hub")

    def plan(self, **changes):
        """Return where each network starts, as a first or a further call decides."""
        cnn = {"models": NETWORKS, "params": {}, "weights": "auto", **changes}
        config = load_config("smoke", {"features": {"backbones": (), "fine_tuned": ()}, "cnn": cnn})
        self.asked.clear()
        self.jobs = planned_jobs(config, self, symmetric=False)
        self.folder.write_config(config)
        self.folder.write_manifest(config, [to_record(job) for job in self.jobs])
        return {job.model: job.weights for job in self.jobs if isinstance(job, TrainJob)}

    def finish(self, *models):
        for job in self.jobs:
            if isinstance(job, TrainJob) and job.model in models:
                self.folder.write_outcome(job.id, Outcome(Status.OK))


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run")


def test_a_finished_training_keeps_its_weights_without_a_hub(run):
    assert set(run.plan().values()) == {"imagenet"}
    run.finish("resnet18_fbp")
    run.reachable = False
    assert run.plan() == {
        "resnet18_fbp": "imagenet", "resnet18_ll": "random", "efficientnet_lite0_fbp": "random"
    }  # fmt: skip


def test_a_training_that_is_still_to_be_done_asks_for_weights_again(run):
    run.reachable = False
    assert set(run.plan().values()) == {"random"}
    run.finish("resnet18_ll")
    run.reachable = True
    assert run.plan() == {
        "resnet18_fbp": "imagenet", "resnet18_ll": "random", "efficientnet_lite0_fbp": "imagenet"
    }  # fmt: skip
    run.finish("resnet18_fbp")
    assert run.plan(params={"epochs": 3})["resnet18_fbp"] == "imagenet"


def test_a_finished_run_asks_for_nothing(run):
    run.plan()
    run.finish(*NETWORKS)
    assert run.plan() and run.asked == []
    run.plan(weights="random")
    assert run.asked == []

import numpy as np
import pandas as pd
import pytest

from bench.config import load_config
from bench.engine.context import Context
from bench.engine.estimate import estimate, in_words, seconds_per_item
from bench.jobs import build_jobs
from bench.run_folder import Outcome, RunFolder
from features.store import EmbeddingStore
from results.status import Status


def test_the_time_of_one_more_item_leaves_out_what_every_call_takes(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("bench.engine.estimate.time.perf_counter", lambda: clock[0])

    def call(items: int) -> None:
        clock[0] += 0.05 + 0.004 * items

    assert seconds_per_item(call, 1, 11) == pytest.approx(0.004)


@pytest.mark.parametrize(("seconds", "words"), [(3, "3 s"), (600, "10 min"), (9000, "2.5 h")])
def test_durations_in_words(seconds, words):
    assert in_words(seconds) == words


@pytest.fixture
def context(tmp_path, write_image):
    rng = np.random.default_rng(0)
    paths = [write_image(f"{i}.png", rng.integers(0, 256, (40, 40), np.uint8)) for i in range(20)]
    images = pd.DataFrame({
        "image_id": [str(i) for i in range(20)], "path": paths, "height": 40, "width": 40, "channels": 1,
        "y": np.arange(20) % 2, "label": "a", "split": ["train"] * 12 + ["valid"] * 3 + ["test"] * 5,
    })  # fmt: skip
    overrides = {
        "features": {"backbones": ("resnet18",), "weights": ("random", "imagenet"), "size": 32},
        "cnn": {"models": ("cnn2",), "params": {"size": 32, "epochs": 2, "batch_size": 4}},
    }
    config = load_config("smoke", overrides)
    return Context(config, RunFolder(tmp_path / "run"), images, EmbeddingStore(tmp_path / "store"))


def test_every_job_that_is_not_done_gets_an_estimate(context):
    jobs = build_jobs(context.config, cnn_weights=lambda name: "random", symmetric=False)
    context.folder.write_outcome(jobs[0].id, Outcome(Status.OK))
    found = estimate(jobs, context)
    assert set(found) == {job.id for job in jobs[1:]}
    assert all(0 <= seconds < 1000 for seconds in found.values())
    for job in jobs[1:]:
        unreachable = "imagenet" in job.id
        assert (found[job.id] > 0) != (unreachable and job.kind in ("embed", "fit", "project", "audit")), (
            job.id
        )

"""Run folders for the tests of the command line."""

import pandas as pd
import pytest
from predicted import predictions

from bench.config import RunConfig
from bench.engine.job import to_record
from bench.jobs import FitJob, build_jobs
from bench.run_folder import Outcome, RunFolder
from results.status import Status


@pytest.fixture
def run(tmp_path):
    """A run folder made of predictions alone: what the commands read."""

    def make(name, quality=1.5, **settings):
        folder, config = RunFolder(tmp_path / name), RunConfig(name=name, **settings)
        folder.path.mkdir()
        images = predictions("any", n=200)[["image_id", "split", "label", "y_true"]]
        images = images.rename(columns={"y_true": "y"}).assign(path=images["image_id"] + ".png")
        train = pd.DataFrame(
            {"image_id": ["t"], "split": "train", "label": "good", "y": [0], "path": "t.png"}
        )
        folder.write_frame(folder.split, pd.concat([images, train], ignore_index=True))
        jobs = build_jobs(config, cnn_weights=lambda network: "random", symmetric=True)
        fits = [job for job in jobs if isinstance(job, FitJob)][:2]
        folder.write_manifest(config, [to_record(job) for job in fits])
        for number, job in enumerate(fits):
            frame = predictions(job.model, quality=quality + number, n=200, seed=0)
            folder.write_predictions(job.id, frame)
            folder.write_outcome(job.id, Outcome(Status.OK))
        return str(folder.path)

    return make

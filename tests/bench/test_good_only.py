"""Runs with few labelled defects, and with none in train and valid."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.cli.app import run_app

CONFIG = """
name = "few"
n_jobs = 1
explain = false
[features]
backbones = ["resnet18"]
weights = ["random"]
size = 32
fine_tuned = ["cnn2"]
projections = false
[classical]
models = ["lda", "knn", "knn_distance", "mahalanobis", "one_class_svm", "patchcore"]
[cnn]
models = ["cnn2"]
params = { epochs = 1, size = 32, batch_size = 32 }
"""
DETECTORS = {"kNN distance", "Mahalanobis", "One-class SVM", "PatchCore"}
LABELLED = {"LDA", "kNN", "2-layer CNN"}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of 300 good images and 5 with a bright spot."""
    root, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for number in range(305):
        pixels = rng.normal(90, 12, (32, 32))
        if number >= 300:
            row, column = rng.integers(2, 22, 2)
            pixels[row : row + 8, column : column + 8] += 110
        path = root / ("good" if number < 300 else "scratch") / f"part_{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return root


@pytest.fixture
def bench(images, tmp_path, monkeypatch):
    """Run the command line; return the leaderboard without the mean of all rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.outputs.report.draw_report", lambda folder: None)
    Path("few.toml").write_text(CONFIG)

    def call(*extra):
        options = ["--dataset", "folder", "--root", str(images), "--positive", "scratch", "--name", "few"]
        assert run_app(["run", "few.toml", *options, *extra]) == 0
        board = pd.read_csv("runs/few/tables/leaderboard.csv").fillna({"caution": ""})
        return board[board["model"] != "Mean of all rows"]

    return call


def test_with_five_defects_every_row_runs_and_says_what_its_figures_are_worth(bench):
    board = bench("--folds", "2")
    assert (board["status"] == "ok").all()
    assert set(board["model"]) == DETECTORS | LABELLED
    assert board["caution"].str.contains("only 1 defect in the test split").all()
    used = set(zip(board["model"], board["supervision"], strict=True))
    wanted = {(name, "good only + labelled valid") for name in DETECTORS}
    assert used == wanted | {(name, "labels") for name in LABELLED}
    # The network has seen labels, so no detector is fitted on its embeddings.
    assert not set(board.loc[board["features"] == "cnn2", "model"]) & DETECTORS


def test_without_a_defect_in_train_and_valid_only_the_detectors_run(bench, capsys):
    board = bench("--split", "good").set_index("model")
    split = pd.read_parquet("runs/few/split.parquet")
    assert set(split.loc[split["y"] == 1, "split"]) == {"test"}
    detectors = board.loc[sorted(DETECTORS)]
    assert (detectors["status"] == "ok").all() and (detectors["supervision"] == "good only").all()
    assert (detectors["roc_auc"] > 0.9).all()
    assert detectors["caution"].str.contains("it is chosen for 5% overkill on the good images").all()
    # Of 75 good test images, at a threshold that the valid images of 5% overkill have chosen.
    assert (pd.to_numeric(detectors["fp"]) <= 15).all()
    others = board.loc[sorted(LABELLED)]
    assert (others["status"] == "not run: no defect in the train split to learn from").all()
    assert "only models that learn from good images run" in capsys.readouterr().err
    out = Path("scores.csv")
    for model in ("mahalanobis", "patchcore"):
        paths = [str(path) for path in sorted(split.loc[split["split"] == "test", "path"])]
        (folder := Path(model)).mkdir()
        for path in paths[-8:]:
            (folder / Path(path).name).write_bytes(Path(path).read_bytes())
        assert run_app(["predict", "runs/few", "--images", model, "--model", model, "--out", str(out)]) == 0
        scores = pd.read_csv(out)
        assert len(scores) == 8 and (scores["decision"] == "defect").sum() >= 4

import errno
import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from bench.cli.app import run_app
from bench.config import load_config
from bench.jobs import KINDS, EmbedJob, FitJob, TrainJob
from bench.jobs.start import starting_weights
from bench.run_folder import RunFolder
from features.errors import WeightsUnavailable
from results.columns import timings

CONFIG = """
name = "tiny"
[features]
weights = ["random", "imagenet"]
size = 32
[classical]
models = ["lda", "lr"]
folds = 3
[cnn]
models = ["resnet18_fbp", "cnn2"]
params = { epochs = 2, size = 32, batch_size = 16 }
"""


@pytest.fixture
def bench(whole_bench, monkeypatch):
    """Run the command line on 40 images, without projections, and without drawing at the end."""
    config = Path("tiny.toml")
    config.write_text(config.read_text().replace("[features]", "[features]\nprojections = false"))
    monkeypatch.setattr("bench.outputs.report.draw_report", lambda folder: None)
    return whole_bench


@pytest.fixture
def whole_bench(tmp_path, parts, monkeypatch):
    """Run the command line on 40 images; further arguments are appended."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(CONFIG)

    def call(*extra, command="run"):
        options = ["--dataset", "folder", "--root", parts["root"], "--positive", "scratch"]
        return run_app([command, "tiny.toml", *options, "--name", "tiny", "--jobs", "1", *extra])

    return call


def board(run="runs/tiny"):
    return pd.read_csv(Path(run) / "tables" / "leaderboard.csv")


def test_a_run_from_pixels_to_tables(whole_bench, capsys):
    assert whole_bench() == 0
    shown = capsys.readouterr()
    table = board()
    done = table[table["status"] == "ok"]
    assert len(done) == 2 + 2 + 2 + 1  # the mean of all rows
    assert done["roc_auc"].between(0, 1).all() and (done["n_test"] == 10).all()
    not_run = table[table["status"] != "ok"]
    assert (not_run["weights"] == "imagenet").all() and len(not_run) == 2
    reason = "not run: ImageNet weights unreachable, set TORCH_HOME or pass --weights FILE"
    assert (not_run["status"] == reason).all()
    assert "ImageNet weights unreachable" in shown.err
    assert "ResNet-18 FBP" in shown.out
    # Of the 40 images; the title once counted more than the test split holds.
    assert "folder: 10 test images, split stratified, seed 0" in " ".join(shown.out.split())
    run = Path("runs/tiny")
    environment = json.loads((run / "environment.json").read_text())
    assert environment["seed"] == 0 and environment["libraries"]["torch"]
    for name in ("figures/roc.png", "figures/roc.svg", "figures/embeddings.png", "tables/leaderboard.md"):
        assert (run / name).stat().st_size > 1000 or name.endswith("md")
    split = pd.read_parquet(run / "split.parquet")
    assert split["split"].value_counts().to_dict() == {"train": 24, "test": 10, "valid": 6}


def test_auto_looks_for_the_weights_of_each_kind_of_network_once(capsys):
    asked = []

    class Reached:
        embedder = SimpleNamespace(backbone=lambda name, weights: None)

        def check_weights(self, name, weights):
            asked.append((name, weights))
            if name == "resnet18":
                raise WeightsUnavailable("no hub")

    start = starting_weights(load_config("elpv"), Reached())
    names = ["vgg16_fbp", "resnet18_fbp", "efficientnet_lite0_fbp", "efficientnet_lite0_ll"]
    assert [start(name) for name in names] == ["random", "random", "imagenet", "imagenet"]
    assert asked == [("resnet18", "imagenet"), ("efficientnet_lite0", "imagenet")]
    assert capsys.readouterr().err.count("no hub; networks start from random weights") == 1
    fixed = starting_weights(load_config("elpv", {"cnn": {"weights": "random"}}), Reached())
    assert fixed("efficientnet_lite0_fbp") == "random" and len(asked) == 2


def test_a_second_call_fits_nothing(bench, monkeypatch, capsys):
    assert bench() == 0
    first = board()

    def refuse(*args):
        raise AssertionError("something was executed again")

    for kind in KINDS.values():
        if kind is not EmbedJob:
            monkeypatch.setattr(kind, "run", refuse)
    capsys.readouterr()
    assert bench() == 0
    assert "jobs are done already" in capsys.readouterr().out
    pd.testing.assert_frame_equal(board(), first)


def test_two_runs_of_one_seed_are_identical(bench):
    assert bench("--out", "a", "--cache", "cache-a") == 0
    assert bench("--out", "b", "--cache", "cache-b") == 0
    tables = [board(f"{out}/tiny").drop(columns=timings()) for out in "ab"]
    pd.testing.assert_frame_equal(*tables)
    assert bench("--out", "c", "--cache", "cache-a", "--seed", "1", "--models", "lda") == 0
    splits = [pd.read_parquet(f"{out}/tiny/split.parquet")["split"] for out in "ac"]
    assert not splits[0].equals(splits[1])


def test_a_failed_job_is_reported_and_stops_no_other(bench, monkeypatch, capsys):
    action = FitJob.run

    def break_lda(job, context):
        if job.model == "lda":
            raise RuntimeError("a wheel came off")
        action(job, context)

    monkeypatch.setattr(FitJob, "run", break_lda)
    assert bench() == 1
    table = board()
    failed = table[table["status"].str.startswith("failed")]
    assert set(failed["status"]) == {"failed: RuntimeError: a wheel came off"}
    assert (table["status"] == "ok").sum() == 5
    logs = list(Path("runs/tiny/logs").iterdir())
    assert "break_lda" in logs[0].read_text()
    assert "a wheel came off" in capsys.readouterr().err
    monkeypatch.setattr(FitJob, "run", action)
    assert bench() == 0  # what failed is tried again
    assert not board()["status"].str.startswith("failed").any()


def test_an_interrupted_run_goes_on(bench, monkeypatch):
    action = TrainJob.run

    def interrupt(job, context):
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainJob, "run", interrupt)
    assert bench() == 130
    before = {p: p.stat().st_mtime_ns for p in Path("runs/tiny/predictions").iterdir()}
    assert len(before) == 2
    monkeypatch.setattr(TrainJob, "run", action)
    assert bench() == 0
    assert all(p.stat().st_mtime_ns == time for p, time in before.items())
    assert (board()["status"] == "ok").sum() == 7


def test_a_full_disk_is_one_line_and_keeps_what_is_done(bench, monkeypatch, capsys):
    real = TrainJob.run

    def full(job, context):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TrainJob, "run", full)
    assert bench() == 2
    error = capsys.readouterr().err
    assert "error: runs/tiny: no space left on the disk" in error and "Traceback" not in error
    assert len(list(Path("runs/tiny/predictions").iterdir())) == 2
    monkeypatch.setattr(TrainJob, "run", real)
    assert bench() == 0


def test_damaged_images_are_named_and_left_out(bench, parts, capsys):
    bad = Path(parts["root"]) / "good" / "part_000.png"
    bad.write_bytes(bad.read_bytes()[:80])
    assert bench() == 0
    shown = capsys.readouterr()
    assert f"left out {bad}: damaged or truncated" in shown.err
    assert "1 files left out" in shown.out
    assert len(pd.read_parquet("runs/tiny/split.parquet")) == 39
    assert pd.read_csv("runs/tiny/problems.csv")["path"].tolist() == [str(bad)]
    assert bench() == 0


def test_other_settings_do_not_mix_into_a_run(bench, parts, capsys):
    assert bench() == 0
    assert bench("--seed", "3") == 2
    assert "holds a run with seed 0, not 3; choose another --name or --out" in capsys.readouterr().err
    new = Path(parts["root"]) / "good" / "new.png"
    new.write_bytes((Path(parts["root"]) / "good" / "part_000.png").read_bytes())
    assert bench() == 2
    assert "the images changed since this run was made (1 new, 0 gone)" in capsys.readouterr().err


def test_tables_and_figures_are_drawn_again_from_predictions(bench, capsys):
    assert bench() == 0
    assert run_app(["plot", "runs/tiny"]) == 0
    table, figure = Path("runs/tiny/tables/leaderboard.csv"), Path("runs/tiny/figures/roc.svg")
    wanted = table.read_bytes(), figure.read_bytes()
    for path in (table, figure):
        path.unlink()
    assert run_app(["table", "runs/tiny"]) == 0
    assert run_app(["plot", "runs/tiny"]) == 0
    assert (table.read_bytes(), figure.read_bytes()) == wanted
    assert "ResNet-18 FBP" in capsys.readouterr().out


def test_the_fine_tuned_rows_use_the_network_of_this_run(bench):
    assert bench() == 0
    folder = RunFolder("runs/tiny")
    predictions = folder.predictions()
    tuned = predictions[predictions["weights"] == "fine-tuned"]
    assert set(tuned["features"]) == {"resnet18_fbp"} and set(tuned["model"]) == {"LDA", "LR"}
    assert set(predictions.groupby("model", observed=True)["image_id"].nunique()) == {16}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "smoke", "--dataset", "folder", "--root", "nowhere"], "nowhere: no such directory"),
        (["run", "smoke", "--colour", "red"], "No such option"),
        (["run", "nope"], "neither a preset"),
        (["table", "nowhere"], "nowhere: not a run's folder"),
        (["run", "smoke", "--models", "mlp"], "no model 'mlp'"),
    ],
)
def test_bad_input_is_one_line_and_a_non_zero_exit(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_app(arguments) != 0
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1


def test_weights_of_the_wrong_architecture_fail_their_rows_only(bench, tmp_path):
    import torch
    import torchvision

    path = tmp_path / "other.pth"
    torch.save(torchvision.models.resnet50(weights=None).state_dict(), path)
    assert bench("--weights", f"random,{path}") == 1
    table = board()
    assert (table["status"] == "ok").sum() >= 3
    assert table["status"].str.contains("not of this architecture").any()


@pytest.mark.parametrize("command", ["run", "table", "plot", "models", "datasets"])
def test_help_shows_an_example(command, capsys):
    assert run_app([command, "--help"]) == 0
    assert f"Example: defectbench {command}" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "word"), [("models", "resnet18_fbp"), ("datasets", "elpv")])
def test_registries_are_listed(command, word, capsys):
    assert run_app([command]) == 0
    assert word in capsys.readouterr().out

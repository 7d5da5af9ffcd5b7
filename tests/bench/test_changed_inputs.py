"""A run notices that what it was made of has changed."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from PIL import Image

from bench.cli.app import run_app
from bench.engine import inputs
from bench.run_folder import RunFolder

CONFIG = """
name = "tiny"
[features]
weights = ["random"]
size = 32
fine_tuned = []
projections = false
[classical]
models = ["lda"]
folds = 3
[cnn]
models = []
"""


@pytest.fixture
def bench(tmp_path, parts, monkeypatch):
    """Run one classical model on 40 images; further arguments are appended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.outputs.report.draw_report", lambda folder: folder.report.write_text("drawn"))
    Path("tiny.toml").write_text(CONFIG)

    def call(*extra):
        options = ["--dataset", "folder", "--root", parts["root"], "--positive", "scratch"]
        return run_app(["run", "tiny.toml", *options, "--name", "tiny", "--jobs", "1", *extra])

    return call


def repaint(path, level=33):
    Image.fromarray(np.full((48, 48), level, np.uint8)).save(path)


def files(parts, *classes):
    return sorted(path for name in classes for path in (Path(parts["root"]) / name).iterdir())


def test_images_overwritten_under_the_same_name_are_refused(bench, parts, capsys):
    assert bench() == 0
    first, second = files(parts, "good")[:2]
    repaint(first), repaint(second, 44)
    assert bench() == 2
    error = capsys.readouterr().err
    assert f"2 files changed since this run was made, the first {first}" in error
    assert "choose another --name, or remove the folder" in error and len(error.strip().splitlines()) == 1


def test_a_change_that_keeps_size_and_time_is_still_noticed(bench, parts, capsys):
    assert bench() == 0
    path = next(p for p in files(parts, "good") if p.suffix == ".bmp")
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    other = path.with_suffix(".new")
    other.write_bytes(data)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert bench() == 2
    assert "1 files changed" in capsys.readouterr().err


def test_only_files_with_another_size_time_or_inode_are_hashed_again(bench, parts, monkeypatch):
    assert bench() == 0
    read = []
    real = inputs.read_bytes
    monkeypatch.setattr(inputs, "read_bytes", lambda path: read.append(path) or real(path))
    assert bench() == 0
    assert read == []
    touched = files(parts, "good")[0]
    os.utime(touched)
    assert bench() == 0
    assert read == [str(touched)]
    assert bench() == 0
    assert read == [str(touched)]


def test_a_run_of_before_without_file_states_is_read_and_checked(bench, parts, capsys):
    assert bench() == 0
    RunFolder("runs/tiny").files.unlink()
    assert bench() == 0
    RunFolder("runs/tiny").files.unlink()
    repaint(files(parts, "good")[0])
    assert bench() == 2
    assert "1 files changed" in capsys.readouterr().err


def test_a_damaged_image_that_was_mended_is_noticed(bench, parts, capsys):
    bad = next(p for p in files(parts, "good") if p.suffix == ".png")
    whole = bad.read_bytes()
    bad.write_bytes(whole[:80])
    assert bench() == 0
    assert bench() == 0
    bad.write_bytes(whole)
    assert bench() == 2
    assert f"1 files changed since this run was made, the first {bad}" in capsys.readouterr().err


def test_images_that_only_moved_are_taken_up(bench, parts, tmp_path):
    assert bench() == 0
    moved = Path(parts["root"]).rename(tmp_path / "elsewhere")
    again = ["--dataset", "folder", "--root", str(moved), "--positive", "scratch", "--name", "tiny"]
    assert run_app(["run", "tiny.toml", *again]) == 2  # another root is another dataset
    (tmp_path / "parts").symlink_to(moved)
    assert bench() == 0


def weights_file(path, seed):
    torch.manual_seed(seed)
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    return str(path)


def test_a_weights_file_overwritten_in_place_is_another_job(bench, tmp_path):
    path = weights_file(tmp_path / "mine.pth", 0)
    assert bench("--weights", path) == 0
    before = set(RunFolder("runs/tiny").job_ids())
    weights_file(path, 1)
    assert bench("--weights", path) == 0
    assert not before & set(RunFolder("runs/tiny").job_ids())


def test_two_weights_files_with_one_stem_stay_two_rows(bench, tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    both = [weights_file(tmp_path / name / "mine.pth", seed) for seed, name in enumerate("ab")]
    assert bench("--weights", ",".join(both)) == 0
    table = pd.read_csv("runs/tiny/tables/leaderboard.csv")
    rows = table[table["weights"].str.startswith("mine")]
    assert len(rows) == 2 and rows["weights"].nunique() == 2 and (rows["n_test"] == 10).all()


def test_report_and_figures_are_redrawn_when_the_set_of_rows_changes(bench, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "bench.outputs.report.draw_report", lambda folder: drawn.append(1) or folder.report.write_text("")
    )
    assert bench("--models", "lda,lr") == 0
    assert bench("--models", "lda,lr") == 0
    assert len(drawn) == 1
    assert bench("--models", "lda") == 0
    assert len(drawn) == 2


def corrections(tmp_path):
    split = pd.read_parquet("runs/tiny/split.parquet")
    chosen = [
        split[(split["split"] == name) & (split["y"] == 0)]["image_id"].iloc[0] for name in ("train", "test")
    ]
    path = tmp_path / "corrected.csv"
    pd.DataFrame({"image_id": chosen, "new_label": "scratch"}).to_csv(path, index=False)
    return str(path), chosen


def test_corrections_touch_train_and_valid_and_leave_test_labels(bench, tmp_path, capsys):
    assert bench() == 0
    path, (train, test) = corrections(tmp_path)
    before = pd.read_parquet("runs/tiny/split.parquet").set_index("image_id")
    assert bench("--relabel", path, "--name", "corrected") == 0
    after = pd.read_parquet("runs/corrected/split.parquet").set_index("image_id")
    assert after["split"].equals(before["split"].reindex(after.index))
    assert after.loc[train, "label"] == "scratch" and after.loc[test, "label"] == "good"
    assert "1 corrections are of test images and were not made" in capsys.readouterr().out
    assert bench("--relabel", path, "--name", "corrected") == 0


def test_corrected_test_labels_need_a_flag_and_both_tables_are_shown(bench, tmp_path, capsys):
    assert bench() == 0
    path, (_, test) = corrections(tmp_path)
    assert bench("--relabel", path, "--relabel-test", "--name", "corrected") == 0
    shown = capsys.readouterr().out
    after = pd.read_parquet("runs/corrected/split.parquet").set_index("image_id")
    assert after.loc[test, "label"] == "scratch" and after.loc[test, "label_before"] == "good"
    assert "test labels before the corrections" in shown
    old = pd.read_csv("runs/corrected/tables/leaderboard_before_corrections.csv")
    new = pd.read_csv("runs/corrected/tables/leaderboard.csv")
    assert (old["tp"] + old["fn"] + 1 == new["tp"] + new["fn"]).all()
    assert bench("--relabel", path, "--relabel-test", "--name", "corrected") == 0


def test_weights_of_images_reach_the_heads_that_take_them(tmp_path, monkeypatch, capsys):
    from classifiers.search import PathSearchCV
    from features import datasets

    monkeypatch.chdir(tmp_path)
    root = datasets.get_spec("elpv").write_example(tmp_path / "cells", 0)["root"]
    Path("tiny.toml").write_text(CONFIG.replace('"lda"', '"lda", "lr"'))
    seen = {}
    real = PathSearchCV.fit

    def fit(self, X, y, **params):
        seen[type(self.estimator[-1]).__name__] = params
        return real(self, X, y, **params)

    monkeypatch.setattr(PathSearchCV, "fit", fit)
    monkeypatch.setattr("bench.outputs.report.draw_report", lambda folder: None)
    config = Path("tiny.toml").read_text() + '[dataset]\nname = "elpv"\ncertainty_weights = true\n'
    Path("tiny.toml").write_text(config)
    assert run_app(["run", "tiny.toml", "--root", root, "--jobs", "1"]) == 0
    weights = seen["LogisticRegression"]["model__sample_weight"]
    assert set(np.round(weights, 2)) == {0.67, 1.0}
    assert seen["LinearDiscriminantAnalysis"] == {}
    assert "LDA takes no weights of images" in capsys.readouterr().err


@pytest.mark.parametrize("old", ["NFC", "NFD"])
def test_ids_and_labels_of_an_older_run_are_compared_in_composed_characters(bench, parts, capsys, old):
    good = Path(parts["root"]) / "good"
    good = good.rename(good.with_name("g\u00fct"))
    assert bench() == 0
    folder = RunFolder("runs/tiny")
    (fit,) = [each for each in folder.job_ids() if each.startswith("fit")]
    table, scores = folder.read_split(), pd.read_parquet(folder.predictions_path(fit))
    for frame in (table, scores):
        for column in ("image_id", "label"):
            frame[column] = [unicodedata.normalize(old, text) for text in frame[column]]
    folder.write_frame(folder.split, table)
    folder.write_predictions(fit, scores)
    capsys.readouterr()
    assert bench() == 0, capsys.readouterr().err
    assert "3 of 3 jobs are done already" in capsys.readouterr().out
    assert folder.read_split()["image_id"].tolist() == table["image_id"].tolist()
    first = files(parts, good.name)[0]
    first.rename(first.with_name("other.png"))
    assert bench() == 2
    assert "(1 new, 1 gone)" in capsys.readouterr().err

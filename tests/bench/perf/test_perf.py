"""The benchmarks run and tell the truth about what they compare; how fast is for a quiet machine to say."""

import contextlib
from pathlib import Path

import pandas as pd
import psutil
import pytest
from made import spots

from bench.cli.app import run_app
from bench.perf import search
from bench.perf.process import run_worker
from bench.perf.search import _thin_out, generated_rows, measure_searches
from bench.perf.search_worker import METHODS
from bench.perf.store import PLAIN as PANDAS
from bench.perf.train import WAYS, measure_gradients, measure_search_step, measure_training


def test_searches_are_compared_on_the_same_cells():
    rows = generated_rows(120, 12)
    table = measure_searches(rows, ["lda", "lr"], [METHODS[0], METHODS[3]], folds=3, jobs=1, refit=False)
    assert table["family"].tolist()[:4] == ["lda", "lda", "lr", "lr"]
    ours = table[(table["method"] == METHODS[3]) & table["family"].isin(["lda", "lr"])]
    assert (ours["ratio"] > 0).all() and (ours["largest_difference"] < 1e-4).all()
    assert ours["fits"].iloc[0] == 3


@pytest.mark.deep
def test_stock_is_timed_on_a_part_and_scaled_by_the_trees():
    rows = generated_rows(120, 12)
    stock = measure_searches(rows, ["rf"], [METHODS[0]], folds=3, jobs=1, stock_cells=2, stock_folds=1).iloc[
        0
    ]
    assert stock["fits"] == 2 and pd.isna(stock["test_auc"])
    assert stock["note"] == "timed on 2 of 12 cells, 1 of 3 folds, scaled"
    task = {"grid": {"model__n_estimators": [100, 300], "model__max_features": ["sqrt", 0.1]}, "folds": 3}
    _thin_out(task, 2, 1)
    assert task["scale"] == (100 + 300) * 2 * 3 / (100 * 2)
    assert [cell["model__n_estimators"] for cell in task["grid"]] == [[100], [100]]


def test_stock_that_takes_too_long_counts_as_long_as_it_took(monkeypatch):
    def never_done(module, task, folder, what, limit):
        Path(task["started"]).touch()
        raise TimeoutError(what)

    monkeypatch.setattr(search, "run_worker", never_done)
    table = measure_searches(generated_rows(40, 4), ["rf"], [METHODS[0]], stock_folds=1, stock_seconds=1)
    assert (table["seconds"] >= 0).all() and table["fits"].iloc[0] != table["fits"].iloc[0]
    assert (
        table["note"].iloc[0]
        == "timed on 12 of 12 cells, 1 of 5 folds, scaled, stopped after 0 s: a lower bound"
    )


def test_a_worker_past_its_limit_is_stopped_with_what_it_started(tmp_path, monkeypatch):
    (tmp_path / "sleeper.py").write_text(
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "pathlib.Path(sys.argv[2]).with_name('child').write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(TimeoutError, match="sleep"):
        run_worker("sleeper", {}, tmp_path, "sleep", limit=3)
    child = int((tmp_path / "child").read_text())
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(child)
        psutil.wait_procs([process], timeout=10)
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.deep
def test_the_store_is_measured_against_pandas(tmp_path):
    assert run_app(["perf", "store", "--rows", "300:float32", "--out", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "store.csv")
    assert (tmp_path / "store.svg").is_file()
    assert table["use"].tolist() == ["write", "read", PANDAS, "stream, filter, search"]
    assert (table["seconds"] > 0).all() and "150 of 300 rows kept" in table["note"].iloc[-1]
    assert table.loc[table["use"] == PANDAS, "ratio"].item() == 1


@pytest.mark.deep
def test_training_is_measured_each_way(tmp_path, write_image):
    images, y = spots(16)
    paths = [write_image(f"t{n}.png", image) for n, image in enumerate(images)]
    table = measure_training(paths, y, size=32, batch_size=8, epochs=2, workers=0)
    assert table["way"].tolist() == list(WAYS) and (table["images_per_second"] > 0).all()
    assert table["ratio"].iloc[0] == 1


@pytest.mark.deep
def test_a_search_step_is_measured_in_each_type_and_layout():
    lines = []
    table = measure_search_step(size=16, batch_size=4, steps=1, channels=2, layers=3, report=lines.append)
    assert table["way"].tolist() == ["float32, NCHW", "float32, channels_last", "bfloat16, channels_last"]
    assert table["ratio"].iloc[0] == 1 and (table["seconds"] > 0).all()
    assert all(line.startswith(way) for way, line in zip(table["way"], lines, strict=False))
    # The profile is reported where bfloat16 does not reach 1.5.
    assert len(lines) == (3 if table["ratio"].iloc[-1] >= 1.5 else 4)
    assert table["note"].str.match(r"\d+% \w+, .*; [\d,]+ calls of operators").all()


@pytest.mark.deep
def test_a_step_is_measured_with_each_kind_of_gradients():
    table = measure_gradients(size=32, batch_size=2, steps=1)
    assert table["way"].tolist() == ["torch's gradients, bfloat16", "ours, bfloat16"]
    assert table["ratio"].iloc[0] == 1 and (table["seconds"] > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["perf", "store", "--rows", "many"], "give a number of rows"),
        (["perf", "store", "--rows", "50:int8"], "'int8': choose among float32, float16"),
        (["perf", "train", "--epochs", "1"], "2 epochs and 8 images at least"),
        (
            ["perf", "train", "--model", "vgg"],
            "'vgg': choose among resnet18, efficientnet_lite0, darts-search",
        ),
        (["perf", "search", "--families", "mlp"], "'mlp': choose among"),
    ],
)
def test_settings_that_there_are_not_are_named(arguments, message, capsys):
    assert run_app(arguments) == 2
    assert message in capsys.readouterr().err

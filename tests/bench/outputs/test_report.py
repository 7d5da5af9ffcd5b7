import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from paged import page_of

from bench.cli.app import run_app
from bench.outputs import report as report_module
from bench.run_folder import RunFolder
from features.datasets import get_spec

CONFIG = """
name = "tiny"
[features]
weights = ["random"]
size = 32
[classical]
models = ["lda", "lr"]
folds = 3
[cnn]
weights = "random"
models = ["cnn2"]
params = { epochs = 1, size = 32, batch_size = 16 }
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run on 40 images and its cache."""
    place = tmp_path_factory.mktemp("run")
    options = get_spec("folder").write_example(place / "parts", 0)
    (place / "tiny.toml").write_text(CONFIG)
    code = run_app([
        "run", str(place / "tiny.toml"), "--dataset", "folder", "--root", options["root"], "--positive",
        "scratch", "--features", "cnn2", "--name", "tiny", "--jobs", "1", "--out", str(place / "runs"),
        "--cache", str(place / "cache"), "--repeats", "2",
    ])  # fmt: skip
    assert code == 0
    return place


@pytest.fixture
def run(made, tmp_path):
    shutil.copytree(made / "runs", tmp_path / "runs")
    return tmp_path / "runs" / "tiny"


def test_a_run_writes_every_table_and_figure(made):
    run = made / "runs" / "tiny"
    for name in ("leaderboard", "inspection", "cost", "clusters", "repeats"):
        assert (run / "tables" / f"{name}.csv").stat().st_size > 50, name
        assert (run / "tables" / f"{name}.md").is_file()
    for name in ("roc", "precision_recall", "overkill_escape", "calibration", "scores", "confusion",
                 "pareto", "embeddings", "critical_difference"):  # fmt: skip
        for suffix in ("png", "svg"):
            assert (run / "figures" / f"{name}.{suffix}").stat().st_size > 2000, name
    repeats = pd.read_csv(run / "tables" / "repeats.csv")
    assert (repeats["repeats"] == 2).all()
    assert (made / "runs" / "tiny" / "report.html").stat().st_size < 15e6


def test_the_report_is_rebuilt_without_models(run, monkeypatch):
    for folder in ("tables", "figures", "models"):
        shutil.rmtree(run / folder)
    page = (run / "report.html").read_text()
    (run / "report.html").unlink()

    def refuse(*args, **kwargs):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("bench.engine.embedder.load_classifier", refuse)
    monkeypatch.setattr("bench.engine.embedder.load_backbone", refuse)
    assert run_app(["report", str(run)]) == 0
    assert (run / "report.html").read_text() == page
    assert (run / "tables" / "leaderboard.csv").is_file() and (run / "figures" / "roc.png").is_file()


def test_a_run_without_results_has_no_report(run, capsys):
    shutil.rmtree(run / "predictions")
    assert run_app(["report", str(run)]) == 2
    assert "nothing has been scored yet" in capsys.readouterr().err


def test_the_audit_ranks_labels_and_relabel_takes_them(made, run, tmp_path, capsys, monkeypatch):
    cache = str(made / "cache")
    assert run_app(["audit", str(run), "--cache", cache]) == 0
    audit = pd.read_csv(run / "tables" / "audit.csv", dtype=str)
    assert len(audit) == 40 and audit["suspicion"].astype(float).is_monotonic_decreasing
    assert run_app(["audit", str(run), "--cache", cache, "--network", "cnn2", "--folds", "2"]) == 0
    held_out = pd.read_csv(run / "tables" / "audit.csv")["held_out"]
    assert held_out.notna().all()
    # Labels of test images stay as they are without --relabel-test.
    first = audit.index[audit["split"] != "test"][0]
    audit.loc[first, "new_label"] = "scratch" if audit.loc[first, "named"] == "good" else "good"
    audit.to_csv(tmp_path / "fixed.csv", index=False)
    monkeypatch.chdir(tmp_path)
    again = ["run", str(made / "tiny.toml"), "--dataset", "folder", "--root", str(made / "parts"),
             "--positive", "scratch", "--models", "lda", "--features", "cnn2", "--jobs", "1",
             "--relabel", str(tmp_path / "fixed.csv"), "--name", "relabelled"]  # fmt: skip
    assert run_app(again) == 0
    assert "1 labels corrected by" in capsys.readouterr().out
    split = pd.read_parquet("runs/relabelled/split.parquet")
    before = pd.read_parquet(run / "split.parquet")
    assert (split.set_index("image_id")["y"] != before.set_index("image_id")["y"]).sum() == 1
    (tmp_path / "fixed.csv").write_text("image_id,new_label\n")
    assert run_app(again) == 2
    assert "1 values of label changed since this run was made" in capsys.readouterr().err


def test_embeddings_are_exported_for_other_tools(made, run, tmp_path):
    cache = str(made / "cache")
    assert run_app(["export", str(run), "--to", "atlas", "--out", str(tmp_path / "a"), "--cache", cache]) == 0
    table = pq.read_table(tmp_path / "a" / "resnet18-random.parquet")
    frame = table.to_pandas()
    assert len(frame) == 40 and frame[["projection_x", "projection_y", "pca_x", "tsne_x"]].notna().all(
        axis=None
    )
    assert table.schema.field("embedding").type.list_size == 512
    assert frame["score LDA"].notna().sum() == 16
    assert (
        run_app(["export", str(run), "--to", "projector", "--out", str(tmp_path / "p"), "--cache", cache])
        == 0
    )
    config = (tmp_path / "p" / "projector_config.pbtxt").read_text()
    shapes = re.findall(r"tensor_shape: (\d+)", config)
    assert shapes[:2] == ["40", "512"]
    vectors = np.fromfile(tmp_path / "p" / "resnet18-random.bytes", "<f4").reshape(40, 512)
    np.testing.assert_array_equal(vectors, np.stack(frame["embedding"]))
    assert len((tmp_path / "p" / "metadata.tsv").read_text().splitlines()) == 41
    assert run_app(["export", str(run), "--to", "paper", "--out", "x"]) == 2


def test_mlflow_takes_the_rows_on_request(made, run, monkeypatch):
    import mlflow

    from bench.outputs.mlflow import track_mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    board = pd.read_csv(run / "tables" / "leaderboard.csv")
    uri = track_mlflow(RunFolder(run), board)
    assert uri.endswith("mlflow.db") and Path(uri.removeprefix("sqlite:///")).is_file()
    logged = mlflow.search_runs(experiment_names=["defectbench tiny"])
    assert len(logged) == 1 + (board["status"] == "ok").sum()
    # A finished run that is logged again adds nothing; a row that changed is logged anew.
    track_mlflow(RunFolder(run), board)
    assert len(mlflow.search_runs(experiment_names=["defectbench tiny"])) == len(logged)
    board.loc[board.index[0], "fit_seconds"] += 1
    track_mlflow(RunFolder(run), board)
    assert len(mlflow.search_runs(experiment_names=["defectbench tiny"])) == len(logged) + 1


def test_tracking_without_the_package_says_what_to_install(made, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    arguments = ["run", str(made / "tiny.toml"), "--dataset", "folder", "--root", str(made / "parts"),
                 "--positive", "scratch", "--features", "cnn2", "--name", "tiny", "--jobs", "1", "--repeats",
                 "2", "--out", str(made / "runs"), "--cache", str(made / "cache")]  # fmt: skip
    assert run_app([*arguments, "--track", "mlflow"]) == 2
    assert "pip install defectbench[track]" in capsys.readouterr().err


def test_names_are_never_html():
    ids = ["<script>alert(1)</script>.png", "a&b", 'quote"', "</script>"] + [f"i{n}" for n in range(60)]
    page = page_of(ids)
    assert "<script>alert(1)" not in page and "<b>bad" not in page and "<i>SVM" not in page
    assert "<title>a &lt;title&gt;</title>" in page and "counts &amp; more" in page
    payload = re.search(r'<script type="application/json" id="payload">(.*?)</script>', page, re.S)
    data = json.loads(payload[1])
    assert data["explorer"]["ids"] == ids
    assert data["models"][0]["curves"]["roc"][0][0] == 0


def test_the_report_asks_nothing_of_the_network():
    page = page_of([f"i{n}" for n in range(64)])
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", own)
    assert "default-src 'none'" in page


def test_thumbnails_shrink_to_their_budget(parts):
    from bench.outputs.sprites import make_sprites

    paths = sorted(str(path) for path in Path(parts["root"]).rglob("*.png"))
    large = make_sprites(paths)
    small = make_sprites(paths, budget_bytes=sum(map(len, large.sheets)) // 2)
    assert large.side == 64 and small.side < 64
    assert sum(map(len, small.sheets)) <= sum(map(len, large.sheets)) // 2
    assert report_module.MOST_SUSPECTS > 0

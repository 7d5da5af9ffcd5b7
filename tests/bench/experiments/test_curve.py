"""`defectbench curve` from the command line: a few heads on generated chips."""

import numpy as np
import pandas as pd
import pytest

from bench.cli.app import run_app
from bench.config import load_config
from bench.experiments.curve import curve_config
from bench.jobs.curve.train import repeated
from bench.jobs.plan import build_jobs
from bench.run_folder import RunFolder
from features.errors import InputError
from results.curves import Point

CONFIG = """
name = "tiny"
[dataset]
name = "chips"
n = 110
[features]
weights = ["random"]
size = 32
[classical]
models = ["lda"]
[cnn]
models = ["cnn2"]
[cnn.of.cnn2]
size = 32
epochs = 1
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished curve, the tables of its first call, and what a second call printed."""
    root = tmp_path_factory.mktemp("curve")
    (root / "tiny.toml").write_text(CONFIG)
    command = [
        "curve",
        str(root / "tiny.toml"),
        "--sizes",
        "10,20,...,all",
        "--draws",
        "2",
        "--network-sizes",
        "20,40,all",
        "--network-draws",
        "1",
        "--out",
        str(root),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEFECTBENCH_CACHE", str(root / "cache"))
        assert run_app(command) == 0
        table = pd.read_csv(root / "tiny-curve" / "tables" / "curve.csv")
        points = sorted((root / "tiny-curve" / "curve").iterdir())
        points[0].unlink()
        (root / "tiny-curve" / "jobs" / f"{points[0].stem}.json").unlink()
        times = {path: path.stat().st_mtime_ns for path in points[1:]}
        assert run_app(command) == 0
        again = {path: path.stat().st_mtime_ns for path in points}
    return RunFolder(root / "tiny-curve"), table, times, again


def test_a_curve_measures_every_size_and_draw(finished):
    folder, table, _, _ = finished
    train = int((folder.read_split()["split"] == "train").sum())
    heads, networks = (table[table["kind"] == kind] for kind in ("head", "network"))
    assert heads.groupby("size")["draw"].nunique().to_dict() == {10: 2, 20: 2, 40: 2, train: 1}
    assert networks.groupby("size")["draw"].nunique().to_dict() == {20: 1, 40: 1, train: 1}
    # The steps of a network are those on all images.
    assert networks.loc[networks["size"] < train, "settings"].eq(f"{train} images per epoch, epochs: 1").all()
    assert (table["status"] == "ok").all() and table["roc_auc"].between(0, 1).all()
    assert (table["labels_used"] == table["train"] + table["valid"]).all()
    assert table.groupby("size")["valid"].first().is_monotonic_increasing
    assert heads.loc[heads["size"] == 10, "settings"].str.contains("defaults").all()
    assert heads.loc[heads["size"] == train, "settings"].eq("search, 3 folds").all()
    assert {"average_precision", "overkill", "escape", "seconds", "by"} <= set(table)


def test_a_second_call_does_only_what_is_missing(finished):
    folder, table, before, after = finished
    assert {path: after[path] for path in before} == before and len(after) == len(before) + 1
    again = pd.read_csv(folder.tables / "curve.csv")
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), table.drop(columns="seconds"))


def test_no_point_uses_a_test_image_and_all_score_the_same_ones(finished):
    folder, *_ = finished
    split = folder.read_split()
    test = set(split.loc[split["split"] == "test", "image_id"].astype(str))
    for path in (folder.path / "curve").iterdir():
        frame = pd.read_parquet(path)
        assert set(frame.loc[frame["split"] == "test", "image_id"]) == test
        point = Point.from_frame(frame)
        assert point.to_frame().equals(frame)
        assert len(frame) == len(test) + point.numbers["valid"]


def test_the_report_shows_the_curve(finished):
    folder, *_ = finished
    page = folder.report.read_text(encoding="utf-8")
    assert "<figcaption>Learning curves</figcaption>" in page
    assert "Learning curves: median and 95% band" in page
    crossing = pd.read_csv(folder.tables / "crossing.csv")
    opening = page.index("<p>How many labelled images does the network need?")
    assert opening < page.index("images of chips") and len(crossing) == 1
    assert str(crossing["words"].iloc[0])[:60] in page[opening:]
    for name in ("learning_curves.png", "learning_curves.svg"):
        assert (folder.figures / name).stat().st_size > 2000
    bands = pd.read_csv(folder.tables / "curve_bands.csv")
    assert (bands["low"] <= bands["median"]).all() and (bands["median"] <= bands["high"]).all()


def test_a_failed_point_stops_nothing(finished):
    from bench.outputs.curve import curves_of
    from bench.run_folder import Outcome
    from results.status import Status

    folder, table, *_ = finished
    record = next(record for record in folder.records() if record["kind"] == "fit_subset")
    kept = folder.outcome(record["id"])
    folder.write_outcome(record["id"], Outcome(Status.FAILED, "ValueError: made", 0.1))
    points = curves_of(folder).points
    folder.write_outcome(record["id"], kept)
    failed = points[points["status"] != "ok"]
    assert len(points) == len(table) and failed["status"].tolist() == ["failed: ValueError: made"]
    assert failed["row"].isin(table["row"]).all() and failed["roc_auc"].isna().all()


def test_the_configuration_of_a_curve():
    config = load_config("elpv", {"curve": {"networks": ("cnn2",), "params": {"epochs": 3}}})
    found = curve_config(config)
    assert found.name == "elpv-curve" and found.cnn.models == ("cnn2",)
    assert found.cnn.params_of("cnn2")["epochs"] == 3 and found.classical.folds == 3
    assert not found.explain and not found.features.projections and found.features.fine_tuned == ()
    by = load_config("elpv", {"curve": {"by": "defects", "valid": "whole"}})
    assert curve_config(by).name == "elpv-curve-defects-whole"
    with pytest.raises(InputError, match=r"curve\.sizes = '64,32'"):
        load_config("elpv", {"curve": {"sizes": "64,32"}})


def test_an_epoch_shows_each_image_equally_often():
    shown = repeated(np.array([2, 3, 5]), 11, seed=0)
    assert len(shown) == 11 and sorted(np.unique(shown, return_counts=True)[1]) == [3, 4, 4]
    assert sorted(repeated(np.arange(4), 2, seed=0)) == [0, 1, 2, 3]


def test_a_curve_plans_heads_and_networks_alone(finished):
    records = finished[0].records()
    assert {record["kind"] for record in records} == {"embed", "fit", "train", "fit_subset", "train_subset"}
    planned = build_jobs(load_config("elpv", {}), cnn_weights=lambda name: "random", symmetric=True)
    assert not [job for job in planned if job.kind.endswith("_subset")]


def test_a_network_leaves_no_checkpoint(finished):
    assert not list(finished[0].path.rglob("*.pt"))

"""A run with a detector: what it saves, its row, its tables and figure, and what it says without boxes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bench.cli.app import run_app
from bench.config import RunConfig, load_config
from bench.detection.boxes import REMOVED, run_targets
from bench.jobs import DetectJob, build_jobs
from bench.outputs.write import view_of
from bench.run import run
from bench.run_folder import RunFolder
from classifiers.detection.training import train
from features import datasets
from features.datasets.boxes import CORNERS
from features.datasets.regions import defect_regions
from features.errors import NotRunnable
from results import figures
from results.feature_set import BOXES
from results.metrics.detection.saved import BOX, COLUMNS, IMAGE, PROPOSAL, TRUTH
from results.predictions import ROW_KEY
from results.tables.detection import ALL, MEAN

NAME = "faster_rcnn_resnet18"
TITLE = "Faster R-CNN ResNet-18"
SMALL = {"size": 64, "channels": 16, "epochs": 1, "precision": "float32"}


def settings(place, **changes):
    options = datasets.get_spec("chips").write_example(place / "chips", 0)
    return RunConfig.model_validate(
        {
            "name": "tiny", "device": "cpu", "n_jobs": 1, "explain": False,
            "dataset": {"name": "chips", **options},
            "features": {"backbones": (), "weights": (), "fine_tuned": (), "projections": False},
            "classical": {"models": ()}, "cnn": {"models": (), "weights": "random"},
            "detectors": {"models": (NAME,), "params": SMALL}, **changes,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("detected")


@pytest.fixture(scope="module")
def folder(place):
    """The folder of a finished run with one detector."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.outputs.report.draw_report", lambda folder: None)
        assert run(settings(place), place / "runs", place / "cache") == 0
    return RunFolder(place / "runs" / "tiny")


def test_the_boxes_are_saved_in_pixels_of_the_photographs(folder):
    boxes, images = folder.boxes(), folder.read_split().set_index("image_id")
    assert set(boxes) == {*COLUMNS, *ROW_KEY}
    scored = images[images["split"] != "train"]
    assert boxes.loc[boxes["what"] == IMAGE, "image_id"].tolist() == [
        *scored.index[scored["split"] == "valid"], *scored.index[scored["split"] == "test"]
    ]  # fmt: skip
    truth = boxes[boxes["what"] == TRUTH].set_index("image_id")
    wanted = scored[(scored["y"] == 1) & scored["x1"].notna()]
    assert len(wanted) and set(truth.index) == set(wanted.index)
    # The dataset's corners are pixels that belong to the box; several boxes are in another column.
    truth = truth[~truth.index.duplicated(keep=False)]
    given = wanted.loc[truth.index, CORNERS].to_numpy(float, copy=True)
    given[:, 2:] += 1
    np.testing.assert_allclose(truth[CORNERS].to_numpy(float), given, atol=1)
    found = boxes[boxes["what"].isin([BOX, PROPOSAL])].join(images[["width", "height"]], on="image_id")
    assert len(found) and (found[["x1", "y1"]] >= 0).all(axis=None)
    assert (found["x2"] <= found["width"] + 1e-3).all() and (found["y2"] <= found["height"] + 1e-3).all()
    assert set(boxes.loc[boxes["what"] == PROPOSAL, "image_id"]) == set(wanted.index)


def test_the_row_scores_an_image_by_its_best_box(folder):
    predictions, boxes = folder.predictions(), folder.boxes()
    assert set(predictions["model"]) == {TITLE} and set(predictions["features"]) == {BOXES}
    best = boxes[boxes["what"] == BOX].groupby("image_id")["score"].max()
    score = predictions.set_index("image_id")["score"]
    np.testing.assert_allclose(score, best.reindex(score.index).fillna(0), rtol=1e-5)
    (row,) = pd.read_csv(folder.tables / "leaderboard.csv").to_dict("records")
    assert row["model"] == TITLE and row["status"] == "ok" and 0 <= row["overkill_at_tpr_995_roc"] <= 1
    assert pd.read_csv(folder.tables / "inspection.csv")["model"].tolist() == [TITLE]


def test_table_and_figure_come_from_what_is_saved(folder):
    table = pd.read_csv(folder.tables / "detection.csv")
    assert table["label"].tolist()[:2] == [MEAN, ALL] and len(table) > 2
    assert table["map_50"].between(0, 1).all() and (table["map_50_95"] <= table["map_50"] + 1e-9).all()
    assert table["note"].isna().all()
    figure = figures.get_figure("proposal_recall").draw(view_of(folder))
    assert figures.render(figure, "png")[:4] == b"\x89PNG"


def test_a_finished_training_is_not_repeated_and_the_same_seed_gives_the_same_tables(
    folder, place, monkeypatch
):
    started = []
    monkeypatch.setattr(
        "classifiers.detection.detector.train", lambda *args: started.append(1) or train(*args)
    )
    monkeypatch.setattr("bench.outputs.report.draw_report", lambda folder: None)
    before = folder.tables / "detection.csv"
    text = before.read_text()
    before.unlink()
    assert run(settings(place), place / "runs", place / "cache") == 0
    assert not started and before.read_text() == text
    assert run(settings(place), place / "again", place / "cache") == 0
    assert started and (place / "again" / "tiny" / "tables" / "detection.csv").read_text() == text
    assert not list((place / "runs" / "tiny").rglob("*.pt"))


def test_a_detector_scores_new_images(folder, tmp_path):
    images = folder.read_split()
    test = images[images["split"] == "test"]
    out = tmp_path / "scores.csv"
    arguments = ["predict", str(folder.path), "--model", NAME, "--out", str(out)]
    for path in test["path"].head(3):
        arguments += ["--images", path]
    assert run_app([*arguments, "--cache", str(tmp_path / "cache")]) == 0
    score = folder.predictions().set_index("image_id")["score"]
    table = pd.read_csv(out)
    names = [Path(name).stem for name in table["id"]]
    assert set(names) == set(test["image_id"].head(3))
    np.testing.assert_allclose(table["score"], score[names], rtol=1e-4)


def test_a_dataset_without_boxes_is_not_run_and_says_why(place):
    (job,) = planned(settings(place))
    images = pd.DataFrame({"image_id": ["a"], "y": [1], "height": [10], "width": [10]})
    context = SimpleNamespace(images=images, config=settings(place))
    with pytest.raises(NotRunnable, match="chips has neither boxes nor masks"):
        job.check(context)


def test_boxes_that_the_preprocessing_removes_are_counted():
    images = pd.DataFrame(
        {
            "image_id": list("abc"), "label": ["scratch", "scratch", "good"], "y": [1, 1, 0],
            "height": 100, "width": 200, "x1": [80, 0, np.nan], "y1": [40, 0, np.nan],
            "x2": [99, 3, np.nan], "y2": [59, 3, np.nan],
        }
    )  # fmt: skip
    context = SimpleNamespace(images=images, regions=defect_regions(images))
    plain = run_targets(context, "none")
    assert [len(own) for own in plain.boxes] == [1, 1, 0] and not plain.counts
    assert plain.boxes[0].tolist() == [[80, 40, 100, 60]]
    assert plain.scaled((50, 50))[0].tolist() == [[20, 20, 25, 30]]
    cropped = run_targets(context, "crop10")
    assert [len(own) for own in cropped.boxes] == [1, 0, 0] and cropped.counts == {REMOVED: 1}
    x1, y1, x2, y2 = cropped.windows[0]
    assert cropped.boxes[0].tolist() == [[80 - x1, 40 - y1, 100 - x1, 60 - y1]]
    assert cropped.scaled((100, 200))[0][0, 2] == pytest.approx((100 - x1) * 200 / (x2 - x1))


def test_flags_and_presets_choose_detectors():
    config = load_config("detectors", {"detectors": {"models": (NAME,), "params": {"epochs": 3}}})
    assert [dict(job.params)["epochs"] for job in planned(config)] == [3]
    assert not planned(load_config("detectors", quick=True))


def planned(config):
    jobs = build_jobs(config, cnn_weights=lambda name: "random", symmetric=False)
    return [job for job in jobs if isinstance(job, DetectJob)]

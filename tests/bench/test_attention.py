"""Runs with attention to the boxes: jobs, regions on their way into a network, tables of each split."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.cli.app import run_app
from bench.config import RunConfig, load_config
from bench.engine.context import Context
from bench.engine.pixels import training_masks
from bench.jobs.plan import build_jobs
from bench.jobs.train import TrainJob
from bench.run_folder import RunFolder
from classifiers.cnn.image_classifier import ImageClassifier
from features.errors import InputError, NotRunnable

CONFIG = """
name = "tiny"
n_jobs = 1
device = "cpu"
repeats = 2
preprocess = ["none", "crop10"]
[features]
backbones = []
fine_tuned = []
projections = false
[classical]
models = []
[cnn]
weights = "random"
models = ["cnn2"]
attention_weights = [2]
params = { epochs = 1, size = [48, 64], batch_size = 16, augment = "hflip" }
"""


def write_parts(root, *, marks):
    """Forty dark images of 64 x 48 pixels, every second one with a bright square, some with a mask of it."""
    rng = np.random.default_rng(0)
    for index in range(40):
        pixels, mask = rng.normal(90, 12, (48, 64)), np.zeros((48, 64), np.uint8)
        # The crop cuts off the square of every fourth image.
        x, y = (50, 30) if index % 4 == 1 else (2, 2)
        if index % 2:
            pixels[y : y + 6, x : x + 6] += 110
            mask[y : y + 6, x : x + 6] = 255
        folder = root / ("scratch" if index % 2 else "good")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"p{index:02d}.png")
        if marks and index % 2:
            (root / "masks").mkdir(exist_ok=True)
            Image.fromarray(mask).save(root / "masks" / f"p{index:02d}.png")


def run_tiny(folder, *more, marks):
    write_parts(folder / "parts", marks=marks)
    (folder / "tiny.toml").write_text(CONFIG)
    options = ["--dataset", "folder", "--root", str(folder / "parts"), "--positive", "scratch"]
    call = ["run", str(folder / "tiny.toml"), *options, "--name", "tiny", "--out", str(folder)]
    with pytest.MonkeyPatch.context() as patch:
        # Drawing the whole report takes longer than the run.
        patch.setattr("bench.outputs.report.draw_report", lambda folder: None)
        return run_app([*call, "--cache", str(folder / "cache"), *more])


@pytest.fixture(scope="module")
def fits():
    """What every network of the run was fitted with."""
    return []


@pytest.fixture(scope="module")
def attended(tmp_path_factory, fits):
    folder = tmp_path_factory.mktemp("attended")
    fit = ImageClassifier.fit

    def kept(self, X, y, **given):
        fits.append((self.attention_weight, X, y, given.get("regions")))
        return fit(self, X, y, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageClassifier, "fit", kept)
        assert run_tiny(folder, marks=True) == 0
    return RunFolder(folder / "tiny")


def test_the_regions_of_the_training_images_reach_the_network_under_its_preprocessing(attended, fits):
    assert [weight for weight, *_ in fits] == [0, 2.0] * 4
    images = attended.read_split()
    for weight, X, y, regions in fits:
        if not weight:
            assert regions is None
            continue
        assert len(regions.place) == len(X) == (images["split"] == "train").sum()
        assert (regions.place[y == 0] == -1).all()
        for row in np.flatnonzero(regions.place >= 0):
            mask = regions.masks[regions.place[row]]
            # The squares are the only bright pixels.
            assert mask.shape == X.shape[1:] and X[row][mask > 200].mean() > 150 > X[row][mask == 0].mean()
    whole, cropped = (regions for weight, _, _, regions in fits[1:4:2])
    assert (whole.place >= 0).sum() == (images.query("split == 'train'")["y"] == 1).sum()
    assert 0 < (cropped.place >= 0).sum() < (whole.place >= 0).sum()


def test_a_row_with_attention_stands_beside_the_plain_one(attended):
    board = pd.read_csv(attended.tables / "leaderboard.csv")
    rows = board[board["features"] == "end-to-end"].groupby("preprocess")["model"].agg(set).to_dict()
    expected = {"2-layer CNN", "2-layer CNN, attention 2"}
    assert rows == {"none": expected, "crop10": expected}


def test_the_change_is_of_the_same_split_for_every_split_and_their_mean(attended):
    table = pd.read_csv(attended.tables / "attention.csv", dtype={"repeat": str})
    assert (table["model"] == "2-layer CNN").all() and (table["attention_weight"] == 2).all()
    assert table.groupby("preprocess")["repeat"].agg(list).to_dict() == {
        name: ["1", "2", "mean"] for name in ("none", "crop10")
    }
    for number, folder in enumerate(attended.repeats(), start=1):
        maps = folder.saved_maps(["model", "preprocess"])
        assert len({(each["model"].iloc[0], each["preprocess"].iloc[0]) for each in maps}) == 4
        assert folder.panels.is_file() == (number == 1)
    spread = pd.read_csv(attended.tables / "localisation_repeats.csv")
    assert len(spread) == 4 and (spread["repeats"] == 2).all() and spread["energy_inside"].notna().all()
    local = pd.read_csv(attended.tables / "localisation.csv").query("label == 'all defects'")
    first = table.query("repeat == '1' and preprocess == 'none'").iloc[0]
    measured = local.query("preprocess == 'none'").set_index("model")["energy_inside"]
    assert first["energy_inside_plain"] == pytest.approx(measured["2-layer CNN"], rel=1e-4)
    assert first["energy_inside_attention"] == pytest.approx(measured["2-layer CNN, attention 2"], rel=1e-4)


def test_masks_of_rows_that_occur_several_times_and_of_a_subset_without_regions(attended):
    context = Context(attended.config(), attended, attended.read_split(), None)
    train = context.rows("train")
    good, defective = train[context.y[train] == 0], train[context.y[train] == 1]
    masks = training_masks(context, np.array([defective[1], good[0], defective[0], defective[1]]), (48, 64))
    assert masks.place.tolist() == [masks.place[3], -1, masks.place[2], masks.place[0]]
    assert len(masks.masks) == 2 and masks.place[0] != masks.place[2]
    drawn = training_masks(context, defective[1:2], (48, 64)).masks[0]
    np.testing.assert_array_equal(masks.masks[masks.place[0]], drawn)
    # A subset may have no region; the whole train split must.
    assert len(training_masks(context, good, (48, 64))) == 0
    with pytest.raises(NotRunnable, match="centre20 cuts off"):
        training_masks(context, train, (48, 64), "centre20")


def test_the_same_command_does_nothing_again(attended, capsys):
    root = attended.path.parent
    before = {path: path.stat().st_mtime_ns for path in attended.path.rglob("*.parquet")}
    assert run_tiny(root, marks=True) == 0
    assert "jobs are done already" in capsys.readouterr().out
    after = {path: path.stat().st_mtime_ns for path in attended.path.rglob("*.parquet")}
    assert set(before) == set(after)
    # The images were written again, so when they were is noted anew.
    assert {path.name for path in before if before[path] != after[path]} <= {"files.parquet"}


def test_without_boxes_rows_with_attention_are_not_run_and_one_line_says_why(tmp_path, capsys):
    assert run_tiny(tmp_path, "--repeats", "1", "--preprocess", "none", marks=False) == 0
    folder = RunFolder(tmp_path / "tiny")
    board = pd.read_csv(folder.tables / "leaderboard.csv").set_index("model")["status"]
    assert board["2-layer CNN"] == "ok"
    assert board["2-layer CNN, attention 2"].startswith("not run: attention needs a box or a mask")
    shown = " ".join(capsys.readouterr().err.split())
    assert "attention needs a box or a mask on defective images of the train split" in shown
    assert not (folder.tables / "attention.csv").exists()


def test_a_crop_that_cuts_off_every_region_is_not_run(tmp_path):
    assert run_tiny(tmp_path, "--repeats", "1", "--preprocess", "centre20", marks=True) == 0
    board = pd.read_csv(tmp_path / "tiny" / "tables" / "leaderboard.csv").set_index("model")["status"]
    assert board["2-layer CNN"] == "ok"
    assert "preprocessing centre20 cuts off" in board["2-layer CNN, attention 2"]


def planned(**cnn):
    config = RunConfig.model_validate({"cnn": {"models": ["cnn2", "designed_resnet"], **cnn}})
    return build_jobs(config, cnn_weights=lambda name: "random", symmetric=False)


def test_attention_adds_jobs_and_leaves_the_others_as_they_were():
    without = [job.id for job in planned() if isinstance(job, TrainJob)]
    jobs = [job for job in planned(attention_weights=[0.5, 2]) if isinstance(job, TrainJob)]
    assert set(without) < {job.id for job in jobs}
    names = [(job.model, job.variant) for job in jobs if job.model != "resnet18_fbp"]
    words = ["", "attention 0.5", "attention 2"]
    assert names == [(name, each) for name in ("cnn2", "designed_resnet") for each in words]
    assert len({job.id for job in jobs}) == len(jobs)


def test_ids_of_before_attention_are_kept():
    (job,) = [job for job in planned() if isinstance(job, TrainJob) and job.model == "cnn2"]
    assert dataclasses.replace(job, seed=3).id == "train-cnn2-random-7b555076"
    (explain,) = [job for job in planned() if job.kind == "explain"]
    assert explain.id == "explain-grad-cam-da74ae1d" and not explain.networks_only


def test_the_further_splits_of_a_run_measure_networks_only():
    config = RunConfig.model_validate({"explain_heads": False})
    jobs = build_jobs(config, cnn_weights=lambda name: "random", symmetric=False)
    (explain,) = [job for job in jobs if job.kind == "explain"]
    assert explain.networks_only and {type(job) for job in explain.models} == {TrainJob}


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "much"])
def test_a_weight_that_is_no_positive_number_is_named(value, tmp_path):
    with pytest.raises(InputError, match=r"cnn\.attention_weights") as error:
        load_config("elpv", {"cnn": {"attention_weights": (value,)}})
    assert "\n" not in str(error.value)


def test_a_network_whose_parameters_ask_for_attention_is_named_so():
    jobs = planned(of={"cnn2": {"attention_weight": 0.25}})
    names = [(job.model, job.variant) for job in jobs if isinstance(job, TrainJob)]
    assert ("cnn2", "attention 0.25") in names and ("designed_resnet", "") in names

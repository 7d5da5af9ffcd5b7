"""Runs with heat maps: with masks, with boxes under several preprocessings, and without either."""

import base64
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from looked import maps_of
from PIL import Image
from predicted import predictions

from bench.cli.app import run_app
from bench.config import RunConfig
from bench.jobs.plan import build_jobs
from bench.outputs import report
from bench.outputs.gallery import gallery_of
from bench.outputs.write import view_of, write_tables
from bench.run_folder import RunFolder
from results import figures
from results.report.page import to_json

CONFIG = """
name = "tiny"
n_jobs = 1
device = "cpu"
[features]
weights = ["random"]
size = 64
fine_tuned = []
projections = false
[classical]
models = ["lr", "rf"]
folds = 2
[cnn]
weights = "random"
models = ["cnn2"]
params = { epochs = 1, size = 64, batch_size = 16 }
"""


def write_parts(root, *, masks):
    """Forty grey squares; every second one has a bright spot, and a mask of it beside it."""
    rng = np.random.default_rng(0)
    for index in range(40):
        pixels, mask = rng.normal(90, 12, (48, 64)), np.zeros((48, 64), np.uint8)
        if index % 2:
            y, x = rng.integers(4, 36, 2)
            pixels[y : y + 8, x : x + 8] += 110
            mask[y : y + 8, x : x + 8] = 255
        folder = root / ("scratch" if index % 2 else "good")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"p{index:02d}.png")
        if masks and index % 2 and index > 2:
            (root / "masks").mkdir(exist_ok=True)
            Image.fromarray(mask).save(root / "masks" / f"p{index:02d}.png")


def run_tiny(folder, *more, masks):
    write_parts(folder / "parts", masks=masks)
    (folder / "tiny.toml").write_text(CONFIG)
    options = ["--dataset", "folder", "--root", str(folder / "parts"), "--positive", "scratch"]
    call = ["run", str(folder / "tiny.toml"), *options, "--name", "tiny", "--out", str(folder)]
    with pytest.MonkeyPatch.context() as patch:
        # Drawing the whole report takes longer than the run.
        patch.setattr("bench.outputs.report.draw_report", lambda folder: None)
        assert run_app([*call, "--cache", str(folder / "cache"), *more]) == 0
    return RunFolder(folder / "tiny")


def drawn(folder):
    """Size of the figure of a run."""
    return len(figures.render(figures.get_figure("heat_maps").draw(view_of(folder)), "png"))


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    return run_tiny(tmp_path_factory.mktemp("masked"), "--preprocess", "none,crop10", masks=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run_tiny(tmp_path_factory.mktemp("plain"), masks=False)


def test_masks_give_a_table_of_every_network_and_linear_head(masked):
    table = pd.read_csv(masked.tables / "localisation.csv", keep_default_na=False)
    own = table[table["method"] != "baseline"]
    models = own.groupby("preprocess")["model"].agg(set).to_dict()
    expected = {"2-layer CNN", "LR"}
    assert models == {"none": expected, "crop10": expected}
    assert set(own["method"]) == {"grad_cam", "exact"}
    test = masked.read_split().query("split == 'test' and y == 1")
    assert (own[["n", "removed", "without_region"]].sum(axis=1) == len(test)).all()
    assert (own.loc[own["preprocess"] == "crop10", "removed"] >= 0).all()
    assert pd.to_numeric(own["pro_auc"]).dropna().between(0, 1).all()
    guesses = table[table["method"] == "baseline"]
    assert guesses.groupby("preprocess").size().to_dict() == {"none": 3, "crop10": 3}


def test_the_leaderboard_has_the_columns(masked):
    board = pd.read_csv(masked.tables / "leaderboard.csv")
    rows = board.set_index(["model", "preprocess"])["energy_inside"]
    assert rows.drop(index="RF", level="model").drop(index="Mean of all rows", level="model").notna().all()
    assert rows.loc["RF"].isna().all()
    assert "Energy in box" in (masked.tables / "leaderboard.md").read_text()


def test_what_is_not_usable_is_counted_in_the_run(masked):
    counts = pd.read_parquet(masked.region_counts).set_index("what")["count"]
    assert counts["good images"] == 20 and counts["defective images"] == 20
    assert counts["defective images with a box or a mask"] == 19
    assert counts["defective images without a usable box or mask"] == 1


def test_the_panels_show_one_part_for_each_preprocessing(masked):
    panels = pd.read_parquet(masked.panels)
    assert set(panels["preprocess"]) == {"none", "crop10"}
    assert set(panels["outcome"]) <= {"hit", "escape", "overkill", "correct"}
    first = panels.iloc[0]
    assert len(first["pixels"]) == first["pixels_height"] * first["pixels_width"]
    # Grad-CAM of the two classes of a network with one decision differs in its sign.
    np.testing.assert_allclose(first["values"], -np.asarray(first["opposite"]), atol=1e-5)
    assert drawn(masked) > 20_000


def test_tables_are_a_function_of_what_is_saved(masked, monkeypatch):
    before = (masked.tables / "localisation.csv").read_bytes()
    (masked.tables / "localisation.csv").unlink()
    for path in masked.path.glob("cache/localisation.*"):
        path.unlink()

    def refuse(*args, **kwargs):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("classifiers.saving.load_classifier", refuse)
    write_tables(masked)
    assert (masked.tables / "localisation.csv").read_bytes() == before


def test_an_interrupted_job_goes_on_where_it_stopped(masked, monkeypatch):
    from bench.explain import make

    paths = sorted(masked.maps.glob("*.parquet"))
    assert len(paths) == 4
    states = {path: path.stat().st_mtime_ns for path in paths}
    (job,) = [name for name in masked.job_ids() if name.startswith("explain")]
    paths[0].unlink()
    (masked.path / "jobs" / f"{job}.json").unlink()
    made = []
    real = make.model_maps
    monkeypatch.setattr("bench.outputs.report.draw_report", lambda folder: None)
    monkeypatch.setattr(make, "model_maps", lambda job, *args: made.append(job.id) or real(job, *args))
    root = masked.path.parent
    options = ["--dataset", "folder", "--root", str(root / "parts"), "--positive", "scratch"]
    call = ["run", str(root / "tiny.toml"), *options, "--name", "tiny", "--out", str(root)]
    assert run_app([*call, "--cache", str(root / "cache"), "--preprocess", "none,crop10"]) == 0
    assert len(made) == 1 and paths[0].is_file()
    assert all(path.stat().st_mtime_ns == states[path] for path in paths[1:])


def test_without_boxes_the_best_network_and_head_have_maps_of_a_few_images(plain):
    frames = list(plain.saved_maps())
    assert len(frames) == 2 and {frame["method"].iloc[0] for frame in frames} == {"grad_cam", "exact"}
    for frame in frames:
        assert 1 <= len(frame) <= 16 and set(frame["split"]) == {"test"}
    assert not (plain.tables / "localisation.csv").exists()
    assert "pointing_game" not in pd.read_csv(plain.tables / "leaderboard.csv")
    assert drawn(plain) > 20_000


def test_explain_can_be_left_out():
    for wanted in (True, False):
        config = RunConfig.model_validate({"explain": wanted, "darts": {}})
        jobs = build_jobs(config, cnn_weights=lambda name: "random", symmetric=False)
        assert any(job.kind == "explain" for job in jobs) == wanted
        assert jobs[-1].kind == "explain" or not wanted


def parts_of(page):
    """The data of the gallery and the sheets of thumbnails of a page."""
    found = [
        re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)
        for name in ("gallery-data", "sprites")
    ]
    return [json.loads(each[1]) if each else None for each in found]


@pytest.fixture
def drawn_report(monkeypatch, tmp_path):
    """The text of a run's report, its figures left out."""

    def draw(folder, most=None):
        monkeypatch.setattr(report, "write_figures", lambda folder: [])
        if most is not None:
            monkeypatch.setattr(report, "MOST_BYTES", most)
        return report.draw_report(folder, tmp_path / "report.html").read_text(encoding="utf-8")

    return draw


def test_the_report_shows_the_maps_that_the_run_has_saved(masked, drawn_report):
    page = drawn_report(masked)
    gallery, _ = parts_of(page)
    test = masked.read_split().query("split == 'test'")
    assert sorted(gallery["ids"]) == sorted(test["image_id"])
    names = {model["name"] for model in gallery["models"]}
    assert len(names) == 4 and {"2-layer CNN", "2-layer CNN · crop10"} <= names
    maps = {
        (f["model"].iloc[0], f["preprocess"].iloc[0]): f.set_index("image_id") for f in masked.saved_maps()
    }
    model = next(model for model in gallery["models"] if model["name"] == "2-layer CNN · crop10")
    saved = maps["2-layer CNN", "crop10"].loc[[gallery["ids"][at] for at in model["at"]]]
    levels = np.frombuffer(base64.b64decode(model["heat"]), np.int8).reshape(len(saved), -1)
    values, peaks = np.stack(saved["values"]), np.array(model["peak"])[:, None]
    assert (np.abs(levels * peaks / 127 - values) <= np.abs(values).max(axis=1, keepdims=True) * 0.006).all()
    np.testing.assert_allclose(model["windows"], [[10 / 64, 10 / 48, 54 / 64, 38 / 48]], atol=1e-4)
    regions = pd.read_parquet(masked.regions)["image_id"].value_counts()
    boxes = dict(zip(gallery["ids"], map(len, gallery["boxes"]), strict=True))
    assert boxes == {name: regions.get(name, 0) for name in test["image_id"]}
    assert len(gallery["sprites"]["sheets"]) == 1 and "Localisation, all defects" in page
    # The report is a function of what is saved.
    assert drawn_report(masked) == page


def test_without_boxes_the_report_shows_the_images_that_have_maps(plain, drawn_report):
    page = drawn_report(plain)
    gallery, _ = parts_of(page)
    mapped = {name for frame in plain.saved_maps() for name in frame["image_id"]}
    assert set(gallery["ids"]) == mapped and not any(gallery["boxes"])
    assert "neither boxes nor masks" in page and "Localisation, all defects" not in page


def test_the_maps_and_the_thumbnails_fit_into_what_the_rest_of_the_page_leaves(masked, drawn_report):
    bare = len(
        re.sub(r'id="(gallery-data|sprites)">.*?</script>', "", drawn_report(masked), flags=re.S).encode()
    )
    full = drawn_report(masked, most=bare + 300_000)
    assert len(full.encode()) <= bare + 300_000
    gallery, sprites = parts_of(full)
    assert gallery["ids"] and gallery["sprites"]
    # The thumbnails of the explorer are left out first.
    small = drawn_report(masked, most=bare + 1000)
    gallery, sprites = parts_of(small)
    assert gallery["ids"] and sprites is None


def test_a_run_without_maps_has_no_such_section(masked, drawn_report, tmp_path):
    copy = RunFolder(shutil.copytree(masked.path, tmp_path / "copy"))
    shutil.rmtree(copy.maps)
    (copy.tables / "localisation.csv").unlink()
    page = drawn_report(copy)
    assert parts_of(page)[0] is None and 'id="looks"' not in page


@pytest.mark.parametrize(("budget", "models"), [(2_500_000, 30), (120_000, 4)])
def test_a_gallery_of_many_models_and_images_stays_within_its_budget(budget, models, masked):
    """Thirty models on 300 test images: pictures shrink, images become fewer, then models are left out."""
    frame = predictions("Net", "end-to-end", n=300)
    frames = [frame.assign(model=f"Net {number}") for number in range(30)]
    rng = np.random.default_rng(0)
    maps = [maps_of(each, heat=rng.normal(size=(16, 16))) for each in frames]
    paths = masked.read_split()["path"]
    images = frame[["image_id", "label"]].assign(height=48, width=64, path=np.resize(paths, len(frame)))

    class Folder:
        regions = masked.path / "none"

        def predictions(self):
            return pd.concat(frames, ignore_index=True)

        def saved_maps(self, columns=None):
            return iter(maps)

    found = gallery_of(Folder(), images, budget)
    assert len(to_json(found.payload())) <= budget
    assert 24 <= len(found.images) <= 240 and len(found.models) >= models
    assert f"{len(found.images)} of the 300 test images" in found.note
    assert ("models with maps are shown" in found.note) == (len(found.models) < 30)
    escapes = {code for model in found.models for code in model["outcome"]}
    assert escapes == {0, 1, 2, 3}


@pytest.fixture
def explain(monkeypatch, tmp_path):
    """Call `defectbench explain` on a run; return its exit code."""

    def call(folder, *more):
        cache = folder.path.parent / "cache"
        return run_app(["explain", str(folder.path), "--cache", str(cache), *more])

    return call


def test_the_command_writes_pictures_of_each_class(plain, explain, capsys):
    ids = plain.read_split()["image_id"].tolist()[:2]
    assert explain(plain, "--models", "cnn2,lr", "--images", ",".join(ids), "--method", "layer_cam") == 0
    files = sorted((plain.path / "explain").rglob("*.png"))
    assert len(files) == 2 * 2 * 2
    names = {path.name for path in files}
    assert names == {f"{name.replace('/', '_')}-{side}.png" for name in ids for side in ("good", "defect")}
    assert {path.parent.name.rpartition("-")[2] for path in files} == {"layer_cam", "exact"}
    picture = np.asarray(Image.open(files[0]))
    assert picture.shape == (48, 64, 3) and np.ptp(picture.astype(int), axis=2).max() > 20
    assert "8 pictures of 2 models" in capsys.readouterr().out


def test_the_command_measures_another_method_and_draws_the_boxes(masked, explain, capsys):
    before = len(list(masked.maps.glob("*.parquet")))
    (job,) = [name for name in masked.job_ids() if name.startswith("train") and is_plain(masked, name)]
    assert explain(masked, "--models", job, "--method", "hirescam") == 0
    assert len(list(masked.maps.glob("*.parquet"))) == before + 1
    table = pd.read_csv(masked.tables / "localisation.csv")
    assert (table["method"] == "hirescam").sum() == 1
    assert "pointing game" in capsys.readouterr().out
    green = [np.asarray(Image.open(path)) for path in (masked.path / "explain").rglob("scratch_*.png")]
    assert any((each == (0, 158, 115)).all(axis=2).any() for each in green)


def is_plain(folder, job_id):
    return pd.read_parquet(folder.predictions_path(job_id))["preprocess"].iloc[0] == "none"


def test_the_command_names_what_it_does_not_know(plain, explain, capsys, monkeypatch):
    for options, words in (
        (["--method", "cam"], "--method cam: choose one of grad_cam"),
        (["--models", "vgg"], "no model 'vgg'"),
        (["--images", "good/none"], "no image 'good/none' in this run"),
    ):
        assert explain(plain, *options) == 2
        assert words in " ".join(capsys.readouterr().err.split())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert explain(plain) == 2
    assert "pip install 'defectbench[explain]'" in capsys.readouterr().err

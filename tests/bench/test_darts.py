import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.cli.app import run_app
from bench.config import load_config, presets
from bench.jobs import SearchCellJob, TrainJob, build_jobs
from bench.outputs.cells import genotypes_of, searches_of
from bench.run_folder import RunFolder
from classifiers.cnn.darts import DartsSearch, random_genotype, read_genotype
from features.errors import InputError

TINY = """
name = "tiny"
[features]
backbones = []
fine_tuned = []
projections = false
[classical]
models = []
[cnn]
models = []
params = { epochs = 1, size = 32, batch_size = 16, channels = 4, layers = 3, tta = "none" }
[darts]
genotypes = ["DARTS_V2"]
searches = 2
random_cells = 2
search = { channels = 2, layers = 3, epochs = 2, batch_size = 8, image_size = 16 }
"""
ROWS = ["ImageNet cell", "searched 1", "searched 2", "random cell 1", "random cell 2"]


def planned(config, symmetric=False):
    return build_jobs(config, cnn_weights=lambda name: "random", symmetric=symmetric)


@pytest.mark.parametrize("name", ["darts", "darts-report"])
def test_the_presets_train_searched_random_and_published_cells(name):
    jobs = planned(load_config(name))
    assert len({job.id for job in jobs}) == len(jobs)
    for number, job in enumerate(jobs):
        assert set(job.needs) <= set(jobs[:number])
    titles = [job.title for job in jobs if isinstance(job, TrainJob)]
    assert "train DARTS (ImageNet cell) from random weights" in titles
    assert sum("(searched" in title for title in titles) == 3
    assert sum("(random cell" in title for title in titles) == 5
    searches = [job for job in jobs if isinstance(job, SearchCellJob)]
    assert len({job.seed for job in searches}) == 3
    for job in searches:
        DartsSearch(**dict(job.params))


def test_the_report_preset_has_the_settings_of_the_report():
    config = load_config("darts-report")
    (job,) = (
        job for job in planned(config) if job.title == "train DARTS (ImageNet cell) from random weights"
    )
    wanted = {"batch_size": 32, "learning_rate": 0.1, "weight_decay": 3e-5, "channels": 48, "layers": 14,
              "label_smoothing": 0.1, "epochs": 300, "size": 224, "optimizer": "sgd", "clip": 5.0,
              "schedule": "exponential", "gamma": 0.97, "warmup": 0.0}  # fmt: skip
    assert wanted.items() <= dict(job.params).items()
    assert config.darts.search["epochs"] == 50


def test_a_quick_run_trains_no_cells():
    assert not load_config("darts", quick=True).darts.is_used


@pytest.mark.parametrize("name", [name for name in presets() if not name.startswith("darts")])
def test_other_presets_search_no_cell(name):
    overrides = {"dataset": {"root": "parts"}} if name == "folder" else None
    assert not load_config(name, overrides).darts.is_used


def test_a_network_without_a_cell_has_the_id_that_it_had_before_there_were_cells():
    (job,) = (job for job in planned(load_config("cnn"), symmetric=True) if job.slug.startswith("cnn2"))
    assert job.id == "train-cnn2-random-9bc25031"
    assert replace(job, cell="random cell 1").id != job.id


def test_cells_differ_in_the_cell_only_and_another_seed_gives_other_cells():
    def cells(seed):
        config = load_config("darts", {"seed": seed})
        return [job for job in planned(config) if isinstance(job, TrainJob)]

    found = [{k: v for k, v in dict(job.params).items() if k != "genotype"} for job in cells(0)]
    assert all(each == found[0] for each in found)
    random = [
        {dict(job.params)["genotype"] for job in cells(seed) if job.cell.startswith("random")}
        for seed in (0, 1)
    ]
    assert len(random[0]) == len(random[1]) == 5 and not random[0] & random[1]


def test_a_genotype_file_gives_a_row_and_its_content_decides(tmp_path):
    path = tmp_path / "cell.json"
    path.write_text(random_genotype(3).to_json())

    def job():
        config = load_config("smoke", {"darts": {"genotypes": (str(path),)}})
        return next(job for job in planned(config) if job.slug.startswith("darts"))

    first = job()
    assert first.title == "train DARTS (random:3) from random weights"
    assert job().id == first.id
    path.write_text(random_genotype(4).to_json())
    assert job().id != first.id


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "neither DARTS_V2 nor a JSON file that exists"),
        ("{", "not a genotype"),
        (random_genotype(0).to_json().replace("normal", "usual"), "needs version, normal and reduction"),
    ],
)
def test_a_genotype_that_cannot_be_used_is_one_line_before_the_run(tmp_path, text, words):
    path = tmp_path / "cell.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=words) as raised:
        load_config("smoke", {"darts": {"genotypes": (str(path),)}})
    assert "\n" not in str(raised.value) and str(path) in str(raised.value)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of tiny networks on 40 images, whose first search is killed after an epoch."""
    from features import datasets

    home = tmp_path_factory.mktemp("darts")
    parts = datasets.get_spec("folder").write_example(home / "parts", 0)
    (home / "tiny.toml").write_text(TINY)
    options = ["--dataset", "folder", "--root", parts["root"], "--positive", "scratch", "--out", str(home)]
    command = ["run", str(home / "tiny.toml"), *options, "--cache", str(home / "cache"), "--name", "tiny"]
    epoch, epochs = DartsSearch._epoch, []

    def killed(search, *args):
        epochs.append(args[-1])
        if len(epochs) == 2:
            raise KeyboardInterrupt
        return epoch(search, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DartsSearch, "_epoch", killed)
        assert run_app(command) != 0
    assert len(list((home / "tiny" / "checkpoints").glob("search_cell-*.pt"))) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DartsSearch, "_epoch", lambda *args: epochs.append(args[-1]) or epoch(*args))
        assert run_app(command) == 0
    return RunFolder(home / "tiny"), epochs


def test_a_killed_search_goes_on_and_gives_the_undisturbed_genotype(run):
    folder, epochs = run
    # The first epoch of the first search was done before it was killed in the second one.
    assert epochs == [0, 1, 1, 0, 1]
    assert not list((folder.path / "checkpoints").glob("search_cell-*.pt"))
    first = next(record for record in folder.records() if record["kind"] == "search_cell")
    split = folder.read_split()
    train = split[split["split"] == "train"]
    from features.pixels.arrays import load_images

    params = dict(first["fields"]["params"])
    channels = int(split["channels"].max())
    pixels = load_images(train["path"].tolist(), size=16, channels=channels, preprocess="none")
    search = DartsSearch(**params, seed=0, device="cpu").fit(pixels, train["y"].to_numpy(int))
    found = read_genotype(folder.genotype_path(first["id"]))
    assert (found.normal, found.reduction) == (search.genotype_.normal, search.genotype_.reduction)
    assert found.name == "tiny searched 1"


def test_the_run_has_a_row_for_each_cell(run):
    folder, _ = run
    board = pd.read_csv(folder.tables / "leaderboard.csv")
    assert {f"DARTS ({cell})" for cell in ROWS} <= set(board["model"])
    assert (board["status"] == "ok").all()


def test_the_table_shows_the_seconds_of_search_and_training_apart(run):
    folder, _ = run
    table = pd.read_csv(folder.tables / "cells.csv").set_index("cell")
    assert set(ROWS) | {"mean of random cells", "one more random cell"} == set(table.index)
    searched = table.index.str.startswith("searched")
    assert (table["search_seconds"] > 0).eq(searched).all()
    assert (table.loc[ROWS, "fit_seconds"] > 0).all()
    assert (table["chosen"] == "yes").sum() == 1
    histories = searches_of(folder)
    assert histories.groupby("cell")["epoch"].apply(list).to_dict() == {c: [1, 2] for c in ROWS[1:3]}
    assert np.isclose(
        table.loc["searched 1", "search_seconds"], histories.groupby("cell")["seconds"].sum()["searched 1"]
    )


def test_the_searched_network_has_the_searched_cell(run):
    folder, _ = run
    records = {
        record["fields"].get("cell"): record for record in folder.records() if record["kind"] == "train"
    }
    for record in records.values():
        saved = json.loads(folder.genotype_path(record["id"]).read_text(encoding="utf-8"))
        need = record["fields"]["search"]
        if need:
            assert saved == json.loads(folder.genotype_path(need["id"]).read_text(encoding="utf-8"))
    assert set(genotypes_of(folder)) == {"ImageNet cell", "searched 1", "searched 2"}


def test_figures_and_report_show_the_cells_and_the_verdict(run):
    folder, _ = run
    for name in ("cells", "search_history"):
        for suffix in ("png", "svg"):
            assert (folder.figures / f"{name}.{suffix}").stat().st_size > 1000
    page = folder.report.read_text(encoding="utf-8")
    for words in (
        "Does the search find a better DARTS cell?",
        "t prediction interval",
        "Cells of the DARTS networks",
    ):
        assert words in page
    assert Path(folder.report).is_file()

"""`defectbench predict` scores what it can, names what it cannot, on the scale of the leaderboard."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.cli.app import run_app
from bench.config import RunConfig
from bench.engine.context import Context
from bench.engine.embedder import Embedder
from bench.finished.inputs import find_images, match_sample, short_ids
from bench.finished.predict import choose_model, keep_order
from bench.jobs import EmbedJob, embeddings_of, read_jobs
from bench.run import run
from bench.run_folder import RunFolder
from features import datasets
from features.errors import InputError
from features.store import open_store
from results.leaderboard import scored
from results.predictions import rows_of

MODELS = ["lda", "svm", "cnn2"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run with a head of probabilities, one of decision values and a network."""
    place = tmp_path_factory.mktemp("finished")
    options = datasets.get_spec("folder").write_example(place / "parts", 0)
    settings = {
        "name": "tiny", "device": "cpu", "n_jobs": 1, "dataset": {"name": "folder", **options},
        "features": {"weights": ("random",), "fine_tuned": (), "size": 32, "projections": False},
        "classical": {"models": ("lda", "svm"), "folds": 3},
        "cnn": {"models": ("cnn2",), "weights": "random", "params": {"epochs": 3, "size": 32}},
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.outputs.report.draw_report", lambda folder: None)
        assert run(RunConfig.model_validate(settings), place / "runs", place / "cache") == 0
    return place / "runs" / "tiny"


@pytest.fixture
def predict(finished, tmp_path, capsys):
    """Call the command on the finished run; return the exit code, the table written and what was shown."""

    def call(*arguments, model="lda"):
        out = tmp_path / "scores.csv"
        out.unlink(missing_ok=True)
        capsys.readouterr()
        fixed = ["--out", str(out), "--model", model, "--cache", str(finished.parent.parent / "cache")]
        code = run_app(["predict", str(finished), *map(str, arguments), *fixed])
        table = pd.read_csv(out, dtype={"id": str}, keep_default_na=False) if out.exists() else None
        return code, table, capsys.readouterr()

    return call


@pytest.fixture
def two_folders(tmp_path, finished):
    """Equal names in two folders, one damaged file, one of 16 bits."""
    files = sorted((finished.parent.parent / "parts" / "scratch").glob("*.png"))
    for folder, file in (("a", files[0]), ("b", files[1])):
        (tmp_path / "new" / folder).mkdir(parents=True)
        shutil.copy(file, tmp_path / "new" / folder / "part1.png")
    (tmp_path / "new" / "a" / "broken.jpg").write_bytes(b"junk")
    grey = np.asarray(Image.open(files[2]))
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "new" / "b" / "deep.png")
    shutil.copy(files[2], tmp_path / "new" / "b" / "shallow.png")
    return tmp_path / "new"


@pytest.mark.parametrize("model", MODELS)
def test_every_readable_file_gets_a_row_and_the_others_are_named(predict, two_folders, model):
    code, table, shown = predict("--images", two_folders, model=model)
    assert code == 0
    assert table["id"].tolist() == ["a/part1.png", "b/deep.png", "b/part1.png", "b/shallow.png"]
    assert f"not scored: {two_folders / 'a' / 'broken.jpg'}: not a PNG" in shown.err
    assert "1 of 5 files were not scored" in shown.err and "4 images scored" in shown.out
    assert table.columns.tolist() == ["id", "score", "probability", "threshold", "decision"]
    assert table["probability"].between(0, 1).all()
    scores = table.set_index("id")["score"]
    assert scores["b/deep.png"] == pytest.approx(scores["b/shallow.png"], abs=1e-6)
    assert scores["a/part1.png"] != scores["b/part1.png"]
    assert predict("--images", two_folders, "--strict", model=model)[0] == 1


def test_a_link_that_leads_nowhere_is_named(predict, two_folders):
    (two_folders / "b" / "gone.png").symlink_to(two_folders / "nowhere.png")
    code, table, shown = predict("--images", two_folders)
    assert code == 0 and len(table) == 4
    assert f"not scored: {two_folders}/b/gone.png: dangling link" in shown.err


def test_strict_without_unreadable_files_is_a_success(predict, two_folders):
    (two_folders / "a" / "broken.jpg").unlink()
    code, table, shown = predict("--images", two_folders, "--strict")
    assert code == 0 and len(table) == 4 and shown.err == ""


def test_files_and_folders_are_given_together(predict, two_folders, monkeypatch):
    code, table, _ = predict("--images", two_folders / "a" / "part1.png")
    assert code == 0 and table["id"].tolist() == ["part1.png"]
    both = ["--images", two_folders / "a" / "part1.png", "--images", two_folders / "b"]
    code, table, _ = predict(*both, "--images", two_folders / "b" / "deep.png")
    assert code == 0
    assert sorted(table["id"]) == ["a/part1.png", "b/deep.png", "b/part1.png", "b/shallow.png"]
    monkeypatch.chdir(two_folders)
    assert predict("--images", ".", "--images", "b/../a")[1]["id"].tolist()[0] == "a/part1.png"
    assert predict("--images", "a/broken.jpg")[0] == 2


@pytest.mark.parametrize("model", MODELS)
def test_scores_and_decisions_are_those_of_the_leaderboard(predict, finished, model):
    folder = RunFolder(finished)
    split = pd.read_parquet(folder.split)
    test = split[split["split"] == "test"]
    arguments = [part for path in test["path"] for part in ("--images", path)]
    code, table, _ = predict(*arguments, model=model)
    saved = pd.read_parquet(folder.predictions_path(choose_model(folder, model).id))
    (row,) = rows_of(saved)
    kinds = {"lda": "decision", "svm": "decision", "cnn2": "probability"}  # LDA is sure of these images
    assert code == 0 and row.constant("score_kind") == kinds[model]
    wanted = saved[saved["split"] == "test"].set_index("image_id")["score"]
    found = table.assign(id=table["id"].str.rsplit(".", n=1).str[0]).set_index("id")
    wanted.index = [name if name in found.index else name.rsplit("/", 1)[1] for name in wanted.index]
    np.testing.assert_allclose(found.loc[wanted.index, "score"], wanted, rtol=1e-3, atol=1e-4)
    threshold = scored(row).threshold
    assert (found["threshold"] == threshold).all()
    assert ((found["decision"] == "defect") == (found["score"] >= threshold)).all()
    assert set(found["decision"]) == {"defect", "good"}


@pytest.mark.parametrize("model", MODELS)
def test_a_contest_column_ranks_as_the_scores(predict, finished, model):
    images = ["--images", finished.parent.parent / "parts"]
    _, table, _ = predict(*images, model=model)
    for positive, sign in (("bad", 1), ("good", -1)):
        code, contest, _ = predict(*images, "--layout", "second", "--positive", positive, model=model)
        assert code == 0 and contest.columns.tolist() == ["id", "defect_score"]
        assert contest["id"].tolist() == [Path(name).stem for name in table["id"]]
        assert (contest["defect_score"].rank() == (sign * table["score"]).rank()).all()


def test_probabilities_that_round_keep_the_order_of_the_scores():
    score = np.array([50.0, 40.0, 45.0, 0.0, -800.0, -900.0, 40.0, -1e4])
    with np.errstate(over="ignore"):
        values = 1 / (1 + np.exp(-score))
    assert len(set(values)) < len(set(score))
    kept = keep_order(values, score)
    assert (pd.Series(kept).rank() == pd.Series(score).rank()).all()
    np.testing.assert_allclose(kept, values, atol=1e-12)
    assert kept.min() >= 0 and kept.max() <= 1
    for ties in (np.zeros(100), np.ones(100), np.full(100, 0.5)):
        kept = keep_order(ties, np.arange(100.0))
        assert (np.diff(kept) > 0).all() and kept.min() >= 0 and kept.max() <= 1


def test_a_sample_gives_ids_and_order(predict, two_folders):
    sample = two_folders / "sample.csv"
    sample.write_text("id,label\nb/part1.png,0\ndeep,0\na/part1,0\nbroken.jpg,0\n")
    code, table, shown = predict("--images", two_folders, "--sample", sample)
    assert code == 0 and table["id"].tolist() == ["b/part1.png", "deep", "a/part1"]
    assert table.columns.tolist() == ["id", "label"] and "broken.jpg" in shown.err
    sample.write_text("id,label\npart1,0\n")
    code, _, shown = predict("--images", two_folders, "--sample", sample)
    assert code == 2 and "id 'part1' means 2 images" in shown.err
    sample.write_text("id,label\nabsent,0\n")
    code, _, shown = predict("--images", two_folders, "--sample", sample)
    assert code == 2 and "1 ids have no image" in shown.err and "the first absent" in shown.err


def test_ids_of_a_sample_are_text(tmp_path, write_image):
    for name in ("007", "NA", "1e5"):
        write_image(f"new/{name}.png", np.zeros((9, 9), np.uint8))
    (tmp_path / "new" / "submission_sample.csv").write_text("id,label\n007,0\nNA,0\n1e5,0\n")
    assert match_sample(find_images([tmp_path / "new"]), None).ids == ["007", "NA", "1e5"]


def test_names_that_are_not_unique_stay_paths(tmp_path, write_image):
    for name in ("a/x.png", "b/x.png", "a/y.png", "a/y.bmp", "a/z.png"):
        write_image(f"new/{name}", np.zeros((9, 9), np.uint8))
    found = find_images([tmp_path / "new"])
    assert sorted(short_ids(found)) == ["a/x.png", "a/y.bmp", "a/y.png", "b/x.png", "z"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "nowhere"], "nowhere: no such directory of images, and no such file"),
        (["--images", "empty"], "empty: no PNG, JPEG, BMP or TIFF file in it"),
        (["--images", "bad"], "none of 1 images can be read"),
        (["--images", "bad", "--positive", "good"], "positive good: only for a contest's columns"),
        (["--images", "bad", "--positive", "1"], "positive '1': choose bad or good"),
        (["--images", "bad", "--layout", "third"], "layout 'third': choose first or second"),
        (["--images", "bad", "--sample", "nowhere.csv"], "nowhere.csv: no such sample"),
        (["--images", "bad", "--sample", "bad/b.png"], "bad/b.png: "),
    ],
)
def test_what_cannot_be_done_is_one_line(predict, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "b.png").write_bytes(b"\xff\xfejunk")
    code, table, shown = predict(*arguments)
    assert code == 2 and table is None
    assert message in shown.err and len(shown.err.strip().splitlines()) == 1


def test_an_unknown_model_names_those_there_are(finished):
    with pytest.raises(InputError, match="no model 'xgb'; give best or one of: fit-lda"):
        choose_model(RunFolder(finished), "xgb")


def test_what_is_embedded_already_asks_for_no_other_network(finished, monkeypatch):
    """Export and audit read the store; weights of other rows are neither loaded nor downloaded."""
    folder = RunFolder(finished)
    config = folder.config()
    weights = ("random", "imagenet")
    config = config.model_copy(update={"features": config.features.model_copy(update={"weights": weights})})
    asked = []
    load = Embedder.backbone
    monkeypatch.setattr(Embedder, "backbone", lambda self, *names: asked.append(names) or load(self, *names))
    context = Context(config, folder, folder.read_split(), open_store(finished.parent.parent / "cache"))
    (job,) = (job for job in read_jobs(folder) if isinstance(job, EmbedJob))
    assert len(embeddings_of(job, context).matrix) == 40
    assert asked == [("resnet18", "random")]

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.config import load_config
from bench.engine.divide import look_at_embeddings
from bench.engine.prepare import prepare
from bench.run_folder import RunFolder


@pytest.fixture
def run(tmp_path):
    """Write the config of a run on a folder; return what `prepare` makes of it."""

    def prepared(options, name="run", **overrides):
        config = load_config("smoke", {"dataset": {"name": "folder", **options}, "name": name, **overrides})
        return prepare(config, RunFolder(tmp_path / "runs" / name))[1]

    return prepared


def test_copies_are_counted_kept_in_one_split_and_saved_as_one_cluster(parts, run, capsys):
    good = Path(parts["root"]) / "good"
    for at, path in enumerate(sorted(good.iterdir())[:5]):
        # The same pixels in another file format, or the same file.
        copy = good / f"copy_{at}{path.suffix}"
        shutil.copy(path, copy)
        with Image.open(path) as image:
            image.save(good / f"other_format_{at}.bmp")
    images = run(parts)
    shown = " ".join("".join(capsys.readouterr()).split())
    assert "10 images are exact copies of another image (5 sets); every set lies in one split" in shown
    sizes = images["cluster"].value_counts()
    assert sizes.iloc[:5].tolist() == [3] * 5 and (sizes.iloc[5:] == 1).all()
    assert (images.groupby("cluster")["split"].nunique() == 1).all()


def test_copies_with_two_labels_are_named(parts, run, capsys):
    root = Path(parts["root"])
    first = sorted((root / "good").iterdir())[0]
    shutil.copy(first, root / "scratch" / f"twin{first.suffix}")
    run(parts)
    shown = "".join("".join(capsys.readouterr()).split())
    assert "sameimage,labelsgoodandscratch" in shown and f"twin{first.suffix}" in shown


def test_a_dataset_without_copies_saves_no_clusters(parts, run):
    assert "cluster" not in run(parts)


def test_official_splits_with_repeats_say_that_nothing_varies(tmp_path, run, parts, capsys, monkeypatch):
    from features import datasets

    load = datasets.load_dataset

    def with_split(name, **options):
        found = load(name, **options)
        found.table["split"] = np.where(np.arange(len(found.table)) % 4 == 0, "test", "train")
        return found

    monkeypatch.setattr("bench.engine.prepare.load_dataset", with_split)
    for name in ("fresh", "fresh"):
        run(parts, name, split={"kind": "official"}, repeats=3)
        shown = " ".join("".join(capsys.readouterr()).split())
        assert "the test split is the same in all 3 repeats (split official)" in shown


def test_images_of_the_split_are_those_of_the_table(parts, run):
    (Path(parts["root"]) / "good" / "bad.png").write_bytes(b"junk")
    images = run(parts)
    assert len(images) == 40 and images["split"].isin(["train", "valid", "test"]).all()
    assert pd.api.types.is_string_dtype(images["split"])


def test_near_copies_by_embeddings_are_reported(capsys):
    rng = np.random.default_rng(0)
    images = pd.DataFrame({"image_id": [f"i{i}" for i in range(200)], "split": ["train", "test"] * 100})
    look_at_embeddings(images, rng.normal(size=(200, 16)), "resnet18, random weights")
    assert capsys.readouterr().err == ""
    twice = np.repeat(rng.normal(size=(100, 16)), 2, axis=0) + 0.01 * rng.normal(size=(200, 16))
    look_at_embeddings(images, twice, "resnet18, random weights")
    said = (
        "by the embeddings of resnet18, random weights, 100.0% of the test images have a near copy in train"
    )
    assert said in capsys.readouterr().err

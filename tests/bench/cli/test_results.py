import json
from pathlib import Path

import pandas as pd
import pytest

from bench.cli.app import run_app
from bench.perf import search as search_module
from bench.perf.grids import REFERENCE_GRID, TOTAL, grid_of
from features.store.store import EmbeddingKey, EmbeddingStore


def test_tables_in_every_format_with_published_figures_below(run, capsys):
    path = run("one")
    assert run_app(["table", path, "--against", "published"]) == 0
    shown = capsys.readouterr().out
    assert "Mean of all rows" in shown and "not measured here" in shown and "Deitsch" in shown
    for name, word in (("csv", "model,features"), ("latex", r"\toprule"), ("html", "<table>")):
        assert run_app(["table", path, "--format", name]) == 0
        assert word in capsys.readouterr().out
    assert run_app(["table", path, "--format", "markdown", "--against", "published"]) == 0
    assert "Published figures for elpv" in capsys.readouterr().out
    for suffix in ("csv", "md", "tex", "html"):
        assert (Path(path) / "tables" / f"leaderboard.{suffix}").stat().st_size > 100
    measured = pd.read_csv(Path(path) / "tables" / "leaderboard.csv")
    assert not measured["model"].str.contains("VGG").any()
    assert run_app(["table", path, "--format", "pdf"]) == 2
    assert run_app(["table", path, "--sort", "speed"]) == 2
    assert "no column 'speed'" in capsys.readouterr().err


def test_a_dataset_without_published_figures_is_reported_as_such(run, capsys):
    path = run("chips", dataset={"name": "chips", "n": 100})
    assert run_app(["table", path, "--against", "published"]) == 0
    shown = capsys.readouterr()
    assert "No published figures are known for chips" in shown.err and "Published figures" not in shown.out


def test_runs_side_by_side_and_the_best_within_limits(run, capsys):
    one, two = run("one"), run("two", quality=2.5)
    assert run_app(["table", one, two]) == 0
    assert "two - one" in capsys.readouterr().out
    assert run_app(["best", two, "--max-escape", "0.05", "--max-ms", "2"]) == 0
    assert "95% interval" in capsys.readouterr().out
    assert run_app(["best", two, "--max-escape", "0.0", "--max-ms", "0.0001"]) == 2
    assert "no model takes at most" in capsys.readouterr().err
    assert run_app(["best", two, "--max-escape", "3"]) == 2
    for limit in ("0", "1"):
        capsys.readouterr()
        assert run_app(["best", two, "--max-escape", limit]) == 0
        assert "95% interval" in capsys.readouterr().out


def test_the_cache_is_listed_verified_and_pruned(tmp_path, capsys):
    store = EmbeddingStore(tmp_path / "cache" / "embeddings")
    for weights in ("random", "imagenet"):
        key = EmbeddingKey("resnet18", weights, "0" * 64, 4, {"size": 224, "preprocess": "none"})
        collection = store.collection(key)
        with collection.lock():
            collection.append(["a" * 32, "b" * 32], [[1, 2, 3, 4], [5, 6, 7, 8]])
    cache = ["--cache", str(tmp_path / "cache")]
    assert run_app(["cache", "list", *cache]) == 0
    assert "imagenet" in capsys.readouterr().out
    assert run_app(["cache", "verify", *cache]) == 0
    part = collection.parts()[0].path
    part.write_bytes(part.read_bytes()[:-3])
    assert run_app(["cache", "verify", *cache]) == 1
    assert part.name in capsys.readouterr().err
    assert run_app(["cache", "prune", *cache]) == 2
    assert run_app(["cache", "prune", "--damaged", "--dry-run", *cache]) == 0
    assert collection.damaged_bytes > 0
    assert run_app(["cache", "prune", "--damaged", *cache]) == 0
    assert collection.damaged_bytes == 0
    assert run_app(["cache", "prune", "--weights", "random", *cache]) == 0
    assert [each.key.weights for each in store.collections()] == ["imagenet"]


def test_the_reference_grid_has_its_63_cells():
    sizes = {}
    for family in REFERENCE_GRID:
        _, grid = grid_of(family)
        sizes[family] = 1
        for values in grid.values():
            sizes[family] *= len(values)
    assert sum(sizes[family] for family in TOTAL) == 10 + 9 + 20 + 12 + 12
    assert sizes["svm-linear"] == 7


@pytest.mark.deep
def test_perf_search_measures_every_way(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(search_module, "grid_of", lambda family: ("lda", {"model__shrinkage": [0.1, 0.5]}))
    out = ["--rows", "240", "--families", "lda", "--folds", "3", "--jobs", "1", "--out", str(tmp_path)]
    assert run_app(["perf", "search", *out, "--methods", "stock,path", "--stock-folds", "1"]) == 0
    table = pd.read_csv(tmp_path / "search-240.csv")
    assert table["family"].tolist() == ["lda", "lda", "total of 1", "total of 1"]
    assert "1 of 3 folds, scaled" in table["note"].iloc[0]
    path = table[table["method"] == "PathSearchCV"].iloc[0]
    assert path["fits"] == 3 and 0.5 < path["test_auc"] <= 1
    assert json.loads(path["best"])["shrinkage"] in (0.1, 0.5)
    assert (tmp_path / "search-240.png").stat().st_size > 1000
    assert run_app(["perf", "search", "--families", "knn"]) == 2
    assert "'knn': choose among lda" in capsys.readouterr().err

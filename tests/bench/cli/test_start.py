"""Commands that answer from what is saved start without the libraries that take seconds to import."""

import json
import subprocess
import sys

import pytest

from bench.cli.app import run_app
from bench.config import RunConfig
from bench.outputs import write as write_module
from bench.outputs.remember import leaderboard_of
from bench.perf.start import BARS, PLAIN, measure_starts
from bench.run import run as run_benchmark
from bench.run_folder import RunFolder
from features import datasets
from features.errors import InputError, WeightsUnavailable

HEAVY = ("torch", "torchvision", "xgboost", "skorch", "matplotlib", "sklearn")
DRAWING = ("skops", "umap", "scipy", "statsmodels", "timm", "plotly")
_CHILD = """
import sys
from bench.cli.app import run_app
code = run_app(sys.argv[1:])
loaded = [name for name in {names!r} if name in sys.modules]
print(code, loaded, file=sys.stderr)
"""


def loaded_by(*arguments, names=HEAVY):
    """Return the exit code of a command in a process of its own and which libraries it has imported."""
    child = [sys.executable, "-c", _CHILD.format(names=names), *arguments]
    done = subprocess.run(child, capture_output=True, text=True, check=True)
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("arguments", [["--help"], ["cache", "--help"], ["perf", "--help"]])
def test_help_imports_neither_pandas_nor_numpy(arguments):
    assert loaded_by(*arguments, names=(*HEAVY, "pandas", "numpy")) == "0 []"


@pytest.mark.parametrize(
    "arguments", [["models"], ["datasets"], ["checks"], ["run", "--help"], ["data", "check", "--help"]]
)
def test_listings_import_no_learning_library(arguments):
    assert loaded_by(*arguments) == "0 []"


def test_a_table_that_is_up_to_date_is_read_again(run, monkeypatch):
    path = run("one")
    folder = RunFolder(path)
    first = leaderboard_of(folder)
    assert loaded_by("table", path, names=(*HEAVY, "scipy", "statsmodels")) == "0 []"
    computed = []
    write = write_module.write_tables
    monkeypatch.setattr(write_module, "write_tables", lambda each: computed.append(each) or write(each))
    assert leaderboard_of(folder).to_csv() == first.to_csv() and not computed
    table = folder.tables / "leaderboard.md"
    text = table.read_bytes()
    table.unlink()
    leaderboard_of(folder)
    assert len(computed) == 1 and table.read_bytes() == text
    table.write_text("changed by hand")
    leaderboard_of(folder)
    assert len(computed) == 2 and table.read_bytes() == text
    (predictions,) = list((folder.path / "predictions").glob("*.parquet"))[:1]
    data = predictions.read_bytes()
    predictions.unlink()
    predictions.write_bytes(data)
    leaderboard_of(folder)
    leaderboard_of(folder)
    assert len(computed) == 3
    (folder.path / "cache" / "leaderboard.json").write_text("{}")
    leaderboard_of(folder)
    assert len(computed) == 4
    assert json.loads((folder.path / "cache" / "leaderboard.json").read_text())["fingerprint"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished small run on generated images: embeddings, one classical model, one network."""
    place = tmp_path_factory.mktemp("finished")
    options = datasets.get_spec("folder").write_example(place / "parts", 0)
    settings = {
        "name": "small",
        "device": "cpu",
        "n_jobs": 1,
        "dataset": {"name": "folder", **options},
        "features": {"backbones": ["resnet18"], "weights": ["random"], "fine_tuned": [], "size": 32},
        "classical": {"models": ["lda"], "folds": 3},
        "cnn": {"models": ["cnn2"], "params": {"epochs": 1, "size": 16}},
    }
    settings["features"]["projections"] = False
    (place / "small.json").write_text(json.dumps(settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.outputs.report.draw_report", lambda folder: folder.report.write_text("drawn"))
        patch.setattr("features.backbones.reach._check_hub", refuse)
        assert run_benchmark(RunConfig.model_validate(settings), place, place / "cache") == 0
    return place


def refuse(architecture):
    raise WeightsUnavailable("no hub")


_AGAIN = """
import sys
from pathlib import Path
from bench.config import RunConfig
from bench.run import run
from features.backbones import reach

def probed(architecture):
    raise AssertionError("the hub was asked")

reach._check_hub = probed
place = Path(sys.argv[1])
code = run(RunConfig.model_validate_json((place / "small.json").read_text()), place, place / "cache")
print(code, [name for name in {names!r} if name in sys.modules], file=sys.stderr)
"""


def test_a_finished_run_is_run_again_without_a_learning_library(finished):
    folder = RunFolder(finished / "small")
    files = [file for file in folder.path.rglob("*") if file.is_file()]
    before = {file: file.stat().st_mtime_ns for file in files}
    assert any(record["kind"] == "train" for record in folder.records())
    child = [sys.executable, "-c", _AGAIN.format(names=(*HEAVY, *DRAWING)), str(finished)]
    done = subprocess.run(child, capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "0 []"
    assert "4 of 4 jobs are done already" in done.stdout and "LDA" in done.stdout
    # Nothing is written again.
    assert {file: file.stat().st_mtime_ns for file in folder.path.rglob("*") if file.is_file()} == before


def test_perf_start_prints_the_ratio_of_each_command(finished, capsys):
    assert run_app(["perf", "start", "--run", str(finished / "small"), "--starts", "1"]) == 0
    shown = capsys.readouterr().out
    for name in (PLAIN, *BARS):
        assert name in shown
    assert "ratio" in shown.lower()


def test_starts_are_compared_with_plain_imports(run, monkeypatch):
    monkeypatch.setattr("bench.perf.start.commands", lambda folder: {key: ["true"] for key in (PLAIN, *BARS)})
    table = measure_starts(run("one"), starts=2)
    assert table["command"].tolist() == [PLAIN, *BARS] and table["ratio"].iloc[0] == 1
    assert table["within"].iloc[0] == "" and set(table["within"].iloc[1:]) <= {"yes", "no"}
    assert table["bar"].tolist()[1:] == list(BARS.values()) and (table["seconds"] > 0).all()
    with pytest.raises(InputError, match="--starts 0"):
        measure_starts(run("two"), starts=0)
    failing = {key: [sys.executable, "-c", "raise SystemExit('broken')"] for key in (PLAIN, *BARS)}
    monkeypatch.setattr("bench.perf.start.commands", lambda folder: failing)
    with pytest.raises(InputError, match="broken"):
        measure_starts(run("three"), starts=1)

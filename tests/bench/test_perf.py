"""The benchmarks run and tell the truth about what they compare; how fast is for a quiet machine to say."""

import pandas as pd
import pytest
from made import spots

from bench.cli import run_app
from bench.perf.search import generated_rows, measure_searches
from bench.perf.search_worker import METHODS
from bench.perf.store import PLAIN as PANDAS
from bench.perf.train import WAYS, measure_training


def test_searches_are_compared_on_the_same_cells():
    rows = generated_rows(120, 12)
    table = measure_searches(rows, ["lda", "lr"], [METHODS[0], METHODS[3]], folds=3, jobs=1, refit=False)
    assert table["family"].tolist()[:4] == ["lda", "lda", "lr", "lr"]
    ours = table[(table["method"] == METHODS[3]) & table["family"].isin(["lda", "lr"])]
    assert (ours["ratio"] > 0).all() and (ours["largest_difference"] < 1e-4).all()
    assert ours["fits"].iloc[0] == 3


def test_the_store_is_measured_against_pandas(tmp_path):
    assert run_app(["perf", "store", "--rows", "300:float32", "--out", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "store.csv")
    assert (tmp_path / "store.svg").is_file()
    assert table["use"].tolist() == ["write", "read", PANDAS, "stream, filter, search"]
    assert (table["seconds"] > 0).all() and "150 of 300 rows kept" in table["note"].iloc[-1]
    assert table.loc[table["use"] == PANDAS, "ratio"].item() == 1


def test_training_is_measured_each_way(tmp_path, write_image):
    images, y = spots(16)
    paths = [write_image(f"t{n}.png", image) for n, image in enumerate(images)]
    table = measure_training(paths, y, size=32, batch_size=8, epochs=2, workers=0)
    assert table["way"].tolist() == list(WAYS) and (table["images_per_second"] > 0).all()
    assert table["ratio"].iloc[0] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["perf", "store", "--rows", "many"], "give a number of rows"),
        (["perf", "store", "--rows", "50:int8"], "'int8': choose among float32, float16"),
        (["perf", "train", "--epochs", "1"], "2 epochs and 8 images at least"),
        (["perf", "search", "--families", "mlp"], "'mlp': choose among"),
    ],
)
def test_settings_that_there_are_not_are_named(arguments, message, capsys):
    assert run_app(arguments) == 2
    assert message in capsys.readouterr().err

import io

import pandas as pd
import pytest
from predicted import predictions
from rich.console import Console

from results.columns import columns, get_column, in_view, names
from results.leaderboard import leaderboard
from results.tables.formats import leaderboard_to_rich, to_csv, to_markdown
from results.tables.shown import present
from results.views import View


@pytest.fixture
def table():
    frame = pd.concat(
        [
            predictions("LDA", quality=1.0),
            predictions("SVM", quality=2.5),
            predictions("ResNet-18 FBP", features="end-to-end", quality=1.7),
        ]
    )
    missing = pd.DataFrame(
        [
            {
                "model": "LDA", "features": "resnet18", "weights": "imagenet", "split_kind": "stratified",
                "preprocess": "none", "sampling": "all", "repeat": 0,
                "status": "not run: ImageNet weights unreachable, set TORCH_HOME or pass --weights FILE",
            }
        ]
    )  # fmt: skip
    return leaderboard(frame, missing)


def test_it_begins_with_the_promised_columns(table):
    promised = (
        "model,features,weights,split_kind,n_test,roc_auc,accuracy,balanced_accuracy,average_precision,f1,"
        "tn,fp,fn,tp,fit_seconds,predict_us,status"
    )
    assert to_csv(table).splitlines()[0].startswith(promised)
    assert list(table.columns) == names()


def test_every_column_of_the_leaderboard_is_described_once(table):
    listed = [column.name for column in columns()]
    assert len(listed) == len(set(listed))
    for name in table:
        assert get_column(name).title != name, name
    assert {column.name for view in View for column in in_view(view)} <= {*listed, "confusion"}


def test_best_first_and_unmeasured_last(table):
    assert table["model"].tolist() == ["SVM", "ResNet-18 FBP", "LDA", "LDA"]
    assert table["status"].tolist()[:3] == ["ok"] * 3
    assert table["status"].iloc[3].startswith("not run: ImageNet weights unreachable")
    assert pd.isna(table["roc_auc"].iloc[3])
    assert (table["n_test"].dropna() == 60).all()


def test_csv_keeps_its_numbers(table):
    back = pd.read_csv(io.StringIO(to_csv(table)))
    assert back["roc_auc"].iloc[0] == pytest.approx(table["roc_auc"].iloc[0], abs=1e-5)
    assert back["tn"].iloc[0] == table["tn"].iloc[0]


def test_markdown_shows_counts_and_proportions(table):
    lines = [line for line in to_markdown(present(table)).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(table)
    first = table.iloc[0]
    assert (
        f"{first.tn} {first.fp} / {first.fn} {first.tp} ({first.tn / (first.tn + first.fp):.0%}" in lines[2]
    )
    assert "not run" in lines[-1]


@pytest.mark.parametrize("width", [200, 100])
def test_the_terminal_table_fits(table, width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(leaderboard_to_rich(table.head(3), "a title", width))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "ResNet-18 FBP" in text and f"{table['roc_auc'].iloc[0]:.3f}" in text


def test_nothing_at_all_is_still_a_table():
    empty = predictions().head(0)
    statuses = pd.DataFrame([{"model": "LDA", "status": "failed: x"}])
    assert leaderboard(empty, statuses)["status"].tolist() == ["failed: x"]

import io
import re
from pathlib import Path

import pandas as pd
import pytest
from predicted import predictions
from rich.console import Console

import bench
import results
from results import metrics
from results.columns import columns, get_column, in_view, names
from results.leaderboard import leaderboard
from results.metrics import Metric
from results.report import Explorer, Provenance, render_page
from results.tables.formats import WRITERS, leaderboard_to_rich, to_csv
from results.tables.shown import present, sort_by
from results.tables.side import inspection_table
from results.views import SHOWN, View


def as_text(rich, width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(rich)
    return console.export_text()


@pytest.fixture
def frame():
    return pd.concat([predictions("LDA", quality=1.0), predictions("SVM", quality=2.5)])


def test_a_new_metric_is_shown_everywhere_without_another_edit(monkeypatch, frame):
    toy = Metric("errors", "Errors made", lambda s: sum(s.confusion[1:3]), False, integer=True)
    monkeypatch.setitem(metrics._REGISTRY, toy.name, toy)
    board = leaderboard(frame)
    expected = str(board["errors"].iloc[0])
    assert "errors" in to_csv(board).splitlines()[0].split(",")
    for write in WRITERS.values():
        assert "Errors made" in write(present(board)) and expected in write(present(board))
    for width in (100, 160, 240):
        text = " ".join(as_text(leaderboard_to_rich(board, "t", width), width).split())
        assert re.search(r"Errors\s+made|Errors", text), width
    images = pd.DataFrame({"image_id": ["a"], "label": ["good"], "y": [0], "split": ["test"]})
    page = render_page(frame, pd.DataFrame(), Explorer(images, pd.DataFrame()), Provenance("t", "c"))
    assert '"title":"Errors made"' in page and f'"errors":{expected}' in page
    assert sort_by(board, "errors")["errors"].is_monotonic_increasing


def test_a_metric_for_one_table_is_shown_there_alone(monkeypatch, frame):
    toy = Metric("toy", "Toy", lambda s: 0.5, unit="%", views=frozenset({View.INSPECTION}))
    monkeypatch.setitem(metrics._REGISTRY, toy.name, toy)
    board = leaderboard(frame)
    assert "toy" in inspection_table(board) and "toy" in board
    assert "Toy" not in present(board).headings
    assert get_column("toy").show(0.5) == "50.000%"


def test_bounds_of_an_interval_are_columns_with_the_same_better_end():
    low, accuracy = get_column("accuracy_low"), get_column("accuracy")
    assert accuracy.interval and low.title == "Accuracy low" and low.higher_is_better is True
    assert get_column("escape_high").higher_is_better is False
    assert get_column("tp_low").title == "tp_low"
    assert [name for name in names() if name.endswith("_low")] == [
        column.bounds[0] for column in map(get_column, metrics.names()) if column.interval
    ]


def test_columns_that_differ_between_rows_are_added(frame):
    mixed = pd.concat([frame, predictions("RF", sampling="balanced"), predictions("RF", split_kind="group")])
    board = leaderboard(mixed)
    for view in (View.TABLE, View.NARROW, View.REPORT):
        added = {column.name for column in in_view(view, board)} - {c.name for c in in_view(view)}
        assert added == {"sampling", "split_kind"}


def test_every_text_is_shown_somewhere_and_every_metric_is_a_column():
    assert set(metrics.names()) <= {column.name for column in columns()}
    assert {View.TABLE, View.REPORT} <= SHOWN


def test_shares_are_shown_without_a_space_everywhere():
    spaced = re.compile(r"(?<=[\d}]) %(?=[ ,.)\"':;]|$)")
    folders = [Path(results.__file__).parent, Path(bench.__file__).parent]
    kinds = (".py", ".js", ".html")
    names = [path for folder in folders for path in folder.rglob("*") if path.suffix in kinds]
    found = [
        f"{path.name}: {line.strip()}"
        for path in names
        for line in path.read_text(encoding="utf-8").splitlines()
        if spaced.search(line) and not re.search(r"\d % \d|[a-z_)\]] % |// \d+ % ", line)
    ]
    assert len(names) > 100 and found == []

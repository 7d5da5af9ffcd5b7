"""Checks on the command line: what a run has found, left out or fatal."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.cli.app import run_app
from bench.outputs.checks import images_of, read_checks, runs_beside, searches_of
from bench.outputs.remember import leaderboard_of
from bench.run_folder import Outcome, RunFolder
from results import checks
from results.checks import Severity
from results.predictions import ROW_KEY
from results.report.checks import checks_panel
from results.status import Status


@pytest.fixture
def copied(run):
    """The path of a run with two equal images in train and test."""
    folder = RunFolder(run("one"))
    images = folder.read_split()
    content = pd.Series(np.arange(len(images))).astype(str)
    content[images.index[images["split"] == "train"][0]] = content[images.index[images["split"] == "test"][0]]
    folder.write_frame(folder.split, images.assign(content=content))
    return str(folder.path)


def test_a_table_shows_the_findings_and_writes_them(copied, capsys):
    assert run_app(["table", copied]) == 0
    shown = capsys.readouterr().out
    assert "DB101 error: 1 set of equal images lie in several splits" in shown and "data check" in shown
    table = read_checks(RunFolder(copied))
    assert list(table) == checks.COLUMNS and table["code"].iloc[0] == "DB101"
    assert (RunFolder(copied).tables / "checks.md").is_file()
    assert table["severity"].map(lambda word: Severity(word).rank).is_monotonic_increasing
    # Notes are named in one line.
    notes = [line for line in shown.splitlines() if line.startswith("notes in tables/checks.csv")]
    assert len(notes) == (table["severity"] == "info").any()


def test_ignored_codes_are_left_out_and_errors_are_fatal_on_request(copied, capsys):
    assert run_app(["table", copied, "--strict"]) == 1
    capsys.readouterr()
    assert run_app(["table", copied, "--strict", "--ignore", "db203,DB101"]) == 0
    shown = capsys.readouterr().out
    assert "DB101" not in shown and "DB203" not in shown
    assert run_app(["table", copied, "--ignore", "DB101", "--ignore", "DB203"]) == 0
    assert "DB101" not in capsys.readouterr().out
    assert run_app(["table", copied, "--ignore", "DB999"]) == 2
    assert "no check 'DB999'; there are: DB101" in capsys.readouterr().err
    # The table for other programs stays as it is.
    assert run_app(["table", copied, "--format", "csv", "--strict"]) == 1
    shown = capsys.readouterr()
    assert "DB101" not in shown.out and "DB101 error" in shown.err


def test_the_configuration_names_codes_to_leave_out(copied, capsys):
    folder = RunFolder(copied)
    config = folder.config()
    folder.write_config(config.model_copy(update={"checks": type(config.checks)(ignore=("DB101",))}))
    assert run_app(["table", copied, "--strict"]) == 0
    assert "DB101" not in capsys.readouterr().out
    assert "DB101" in set(read_checks(folder)["code"])


def test_a_run_with_whole_groups_beside_shows_the_gap(run):
    images = RunFolder(run("one")).path.parent / "one"
    other = Path(run("two", quality=0.8))
    shutil.copytree(other, other.parent / "three")
    leaderboard_of(RunFolder(other))
    folder, beside = RunFolder(images), RunFolder(other)
    split = folder.read_split()
    folder.write_frame(folder.split, split.assign(group=[f"g{number % 7}" for number in range(len(split))]))
    assert runs_beside(folder) == []
    leaderboard_of(folder)
    (finding,) = read_checks(folder).query("code == 'DB103' and severity != 'unchecked'")["finding"]
    assert "groups are divided" in finding and "in run" not in finding
    config = beside.config()
    beside.write_config(
        config.model_copy(update={"split": config.split.model_copy(update={"kind": "group"})})
    )
    assert [each.path.name for each in runs_beside(folder)] == ["two"] and runs_beside(beside) == []
    leaderboard_of(folder)
    (finding,) = read_checks(folder).query("code == 'DB103' and severity != 'unchecked'")["finding"]
    assert "in run two with whole groups the ROC AUC is" in finding and "lower (median of 2 rows" in finding


def test_a_run_of_an_older_version_has_its_grids_and_the_sizes_of_its_files(run):
    folder = RunFolder(run("one"))
    for record in folder.records():
        key = dict.fromkeys(ROW_KEY, "none") | {"model": record["fields"]["model"], "repeat": 0}
        folder.write_outcome(record["id"], Outcome(Status.OK, row=key))
    grids = searches_of(folder)
    assert set(grids["params"].map(type)) == {dict} and not {"score", "converged"} & set(grids)
    assert grids.groupby("model").ngroups == 2
    files = folder.read_split()[["path"]].assign(content="", size=100, mtime_ns=2_000_000_000, inode=1)
    folder.write_frame(folder.files, files)
    images = images_of(folder)
    assert (images["bytes"] == 100).all() and (images["modified"] == 2.0).all()


def test_a_run_is_checked_again_in_full_with_the_time_that_it_takes(copied, capsys):
    assert run_app(["checks", copied]) == 0
    shown = capsys.readouterr().out
    assert "DB101 copies across splits (error)\n  1 set of equal images lie in several splits" in shown
    assert "  Meaning: Models have seen copies" in shown and "  Remedy: Remove the copies" in shown
    assert "DB501 embeddings degenerate not checked: the run has not saved facts about embeddings" in shown
    assert re.search(
        r"^\d+ checks took [\d.]+ s, and [\d.]+ s to read the run; the slowest, DB\d+,", shown, re.M
    )
    assert run_app(["checks", copied, "--strict", "--ignore", "DB101,DB203"]) == 0
    assert "DB101" not in capsys.readouterr().out
    assert run_app(["checks", copied, "--strict"]) == 1


def test_the_listing_has_every_code_with_its_remedy(capsys):
    assert run_app(["checks"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for code in checks.codes():
        check = checks.get_check(code)
        assert code in shown and check.remedy[:40] in shown and check.meaning[:40] in shown


def test_the_panel_of_the_report_is_literal_and_counts():
    rows = [("DB101", "error", "copies_across_splits", "<b>a & b</b>", "r", "")]
    rows += [("DB301", "info", "grid_edge", f"row {number}", "r", "") for number in range(6)]
    panel = checks_panel(pd.DataFrame(rows, columns=checks.COLUMNS))
    assert "<code>defectbench data check</code>" in panel and "`" not in panel
    assert "Checks: 1 error, 1 note" in panel and "<details open>" in panel
    assert "&lt;b&gt;a &amp; b&lt;/b&gt;" in panel and "<b>a" not in panel
    assert "row 3" in panel and "row 4" not in panel and "2 more in tables/checks.csv" in panel
    assert "found anything" in checks_panel(pd.DataFrame(columns=checks.COLUMNS))
    rows = [
        ("DB501", "unchecked", "embeddings_degenerate", "not checked: the run has not saved <i>facts", "", "")
    ]
    panel = checks_panel(pd.DataFrame(rows, columns=checks.COLUMNS))
    assert "<code>" not in panel
    assert "found anything" in panel and "<li>DB501 embeddings degenerate not checked" in panel
    assert "&lt;i&gt;facts" in panel

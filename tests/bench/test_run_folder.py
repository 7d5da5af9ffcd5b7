import json

import pytest

from bench.config import RunConfig
from bench.run_folder import Outcome, RunFolder
from features.errors import InputError
from results.status import Status


@pytest.fixture
def folder(tmp_path):
    made = RunFolder(tmp_path / "run")
    made.write_manifest(RunConfig(), [])
    return made


@pytest.mark.parametrize("outcome", [
    Outcome(Status.OK, "", 1.5, {"model": "LDA"}),
    Outcome(Status.NOT_RUN, "no weights: none", 0.0, None),
    Outcome(Status.FAILED, "ValueError: a: b", 2.0, None),
])  # fmt: skip
def test_an_outcome_reads_back(folder, outcome):
    folder.write_outcome("fit-lda", outcome)
    assert folder.outcome("fit-lda") == outcome
    assert folder.is_ok("fit-lda") == (outcome.status is Status.OK)


def test_an_outcome_of_an_older_version_is_read(folder):
    path = folder.path / "jobs" / "old.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"id": "old", "status": "failed: ValueError: x", "seconds": 1.0, "row": None}))
    assert folder.outcome("old") == Outcome(Status.FAILED, "ValueError: x", 1.0, None)


def test_an_unknown_job_has_no_outcome(folder):
    assert folder.outcome("never") is None and not folder.is_ok("never")


@pytest.mark.parametrize(("name", "content", "message"), [
    ("config.json", None, "no such file"),
    ("config.json", "{", "not valid JSON"),
    ("config.json", '{"seed": -1}', "seed"),
    ("jobs.json", None, "no such file"),
    ("jobs.json", "[", "not valid JSON"),
])  # fmt: skip
def test_a_missing_or_damaged_file_is_one_line(folder, name, content, message):
    path = folder.path / name
    path.unlink() if content is None else path.write_text(content)
    read = {"config.json": RunFolder.config, "jobs.json": RunFolder.records}[name]
    with pytest.raises(InputError, match=message) as caught:
        read(folder)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_figures_count_as_drawn_until_the_set_of_rows_changes(folder):
    folder.split.touch()
    assert not folder.is_drawn()
    folder.report.write_text("page")
    folder.mark_drawn()
    assert folder.is_drawn()
    record = {"id": "fit-lda", "kind": "fit", "title": "", "fields": {}}
    folder.write_manifest(RunConfig(), [record])
    assert not folder.is_drawn()
    folder.mark_drawn()
    folder.write_outcome("fit-lda", Outcome(Status.OK))
    assert not folder.is_drawn()

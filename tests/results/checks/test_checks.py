"""What holds for every check: it fires on its positive example and is silent on its negative one."""

import importlib.util
import re
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from checked import changed, drawn, healthy, rows

import results.checks
import results.errors
from results import checks, columns
from results.checks import RunData, Severity
from results.checks.base.data import SAVED

HERE = Path(__file__).parent
ROOM = Path(results.checks.__file__).parent
CODES = checks.codes()


@cache
def example(code):
    """Return the module of the examples of a check: `fires` and `silent` return a `RunData` each."""
    path = HERE / "examples" / f"{code.lower()}.py"
    assert path.is_file(), f"check {code} has no examples: write {path.name} with fires() and silent()"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_examples_have_columns_of_the_leaderboard():
    assert set(healthy().leaderboard) <= set(columns.names())


def found(code, data):
    return [each for each in run_check(code, data) if each.severity is not Severity.UNCHECKED]


def run_check(code, data):
    return checks.get_check(code).run(data).findings


@pytest.mark.parametrize("code", CODES)
def test_a_check_fires_on_its_positive_example(code):
    findings = found(code, example(code).fires())
    assert findings
    for finding in findings:
        assert finding.text and not finding.text.endswith(".") and "nan" not in finding.text.split()
        assert all(np.isfinite(float(value)) for value in finding.figures.values())


@pytest.mark.parametrize("code", CODES)
def test_a_check_is_silent_on_its_negative_example(code):
    assert found(code, example(code).silent()) == []


@pytest.mark.parametrize("code", CODES)
def test_a_check_is_silent_on_a_healthy_run(code):
    assert [finding.text for finding in found(code, healthy())] == []


@pytest.mark.parametrize("code", CODES)
def test_a_check_says_what_it_means_and_what_to_do(code):
    check = checks.get_check(code)
    assert re.fullmatch(r"DB[1-5]\d\d", check.code) and re.fullmatch(r"[a-z]+(_[a-z]+)*", check.name)
    for text in (check.meaning, check.remedy):
        assert text[0].isupper() and text.endswith(".") and "  " not in text
    assert check.when and not check.when.endswith(".")
    assert isinstance(check.severity, Severity)


@pytest.mark.parametrize("code", CODES)
def test_a_check_repeats_and_leaves_the_run_as_it_is(code):
    data = example(code).fires()
    frames = {name: value.copy() for name, value in vars(data).items() if isinstance(value, pd.DataFrame)}
    once = [(each.text, dict(each.figures)) for each in found(code, data)]
    assert once == [(each.text, dict(each.figures)) for each in found(code, replace(data))]
    for name, before in frames.items():
        pd.testing.assert_frame_equal(getattr(data, name), before)


def _one_class():
    return changed(**rows(drawn(60, y_true=0, label="good")))


def _no_valid():
    frame = drawn(60)
    return changed(**rows(frame[frame["split"] == "test"]))


def _no_test():
    frame = drawn(60)
    return changed(**rows(frame[frame["split"] == "valid"]))


def _few():
    return changed(**rows(drawn(2)))


def _equal_scores():
    return changed(**rows(drawn(60, score=0.5)))


def _nothing():
    board = pd.DataFrame({"model": [], "status": [], "best": [], "roc_auc": []})
    return RunData(healthy().predictions.iloc[:0], board)


def _only_predictions():
    return RunData(healthy().predictions, healthy().leaderboard)


def _one_group():
    return changed(**rows(drawn(60, group="a", split_kind="group")), split_kind="group")


def _bare_images():
    images = healthy().images[["image_id", "path", "label", "y", "split"]]
    return changed(images=images, embeddings=pd.DataFrame(), structure={})


DEGENERATE = {
    make.__name__.strip("_"): make
    for make in (_one_class, _no_valid, _no_test, _few, _equal_scores, _nothing, _only_predictions,
    _one_group,
                 _bare_images)
}  # fmt: skip


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.filterwarnings("error")
def test_every_check_handles_a_degenerate_run(case):
    table = checks.check_run(DEGENERATE[case]())
    assert list(table) == checks.COLUMNS
    expected = {"one_class": "DB201", "no_valid": "DB205", "no_test": "DB201", "few": "DB201",
                "equal_scores": "DB406", "one_group": "DB204"}  # fmt: skip
    if case in expected:
        assert expected[case] in set(table["code"])
    else:
        assert checks.found(table).empty


@pytest.mark.parametrize("code", [code for code in CODES if checks.get_check(code).needs])
def test_a_check_without_the_data_that_it_needs_says_so(code):
    (finding,) = run_check(code, _only_predictions())
    assert finding.severity is Severity.UNCHECKED
    assert finding.text == f"not checked: the run has not saved {SAVED[checks.get_check(code).needs[0]]}"


@pytest.mark.parametrize("code", [code for code in CODES if checks.get_check(code).uses])
def test_a_check_without_all_the_data_that_it_uses_says_so(code):
    data = example(code).fires()
    assert all(each.severity is not Severity.UNCHECKED for each in run_check(code, data))
    name = checks.get_check(code).uses[-1]
    field, _, column = name.partition(".")
    value = getattr(data, field)
    lacking = value.drop(columns=column) if column else {}
    *_, last = run_check(code, replace(data, **{field: lacking}))
    assert last.severity is Severity.UNCHECKED
    assert last.text == f"checked in part: the run has not saved {SAVED[name]}"


def test_what_is_unchecked_is_one_line_and_no_error():
    table = checks.check_run(_only_predictions())
    assert set(table["severity"]) == {"unchecked"} and set(table["remedy"]) == {""}
    ((severity, line),) = checks.lines_of(table)
    assert severity is Severity.UNCHECKED and line.endswith(
        "DB101, DB102, DB103, DB104, DB105, DB106, DB301, DB302, DB303, DB501"
    )
    assert not checks.has_errors(table)
    assert (
        "DB501 embeddings degenerate not checked: the run has not saved facts about embeddings"
        in checks.unchecked_lines(table)
    )


def test_no_check_costs_more_than_a_moment():
    """A run of 4,050 images lasts twenty minutes at least; two per cent of that are 24 seconds."""
    data = replace(healthy())
    for code in CODES:
        started = time.process_time()
        found(code, data)
        assert time.process_time() - started < 5, code


def test_codes_and_names_are_unique_and_each_module_is_registered():
    names = [checks.get_check(code).name for code in CODES]
    assert len(set(CODES)) == len(CODES) and len(set(names)) == len(names)
    modules = {path.stem for path in ROOM.glob("*.py")} - {"__init__"}
    assert len(modules) == len(CODES)


def test_there_is_no_example_without_a_check():
    assert {path.stem.upper() for path in (HERE / "examples").glob("*.py")} == set(CODES)


def test_an_unknown_code_is_refused_with_the_codes_there_are():
    assert checks.get_check("db104").name == "single_feature"
    with pytest.raises(results.errors.PredictionsError, match="no check 'DB999'; there are: DB101"):
        checks.get_check("DB999")

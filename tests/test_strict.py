"""Strict runs: a skip is a failure, so that no test is lost without a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = """
import pytest

def test_passes():
    pass

def test_skips():
    pytest.skip("no browser")

@pytest.mark.cuda
def test_skips_for_want_of_cuda():
    pytest.skip("needs a CUDA device")

@pytest.mark.xfail
def test_fails_as_expected():
    assert False
"""


@pytest.fixture
def outcome(tmp_path):
    """Run pytest on a file of tests, strictly or not; return its summary."""

    def run(text, strict):
        path = tmp_path / "test_made.py"
        path.write_text(text)
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = cuda\n")
        env = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "support"), "DEFECTBENCH_STRICT": strict}
        command = [sys.executable, "-m", "pytest", "-p", "strict", "-p", "no:cacheprovider", "-rfs", path]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
        return done.stdout

    return run


def test_a_skip_fails_in_a_strict_run_unless_it_needs_cuda(outcome):
    assert "1 passed, 2 skipped, 1 xfailed" in outcome(TESTS, strict="0")
    strict = outcome(TESTS, strict="1")
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed" in strict
    assert "no browser; DEFECTBENCH_STRICT=1 allows skips for CUDA only" in strict


def test_a_file_that_skips_as_a_whole_fails_in_a_strict_run(outcome):
    text = "import pytest\n\npytest.importorskip('no_such_library')\n"
    assert "1 skipped" in outcome(text, strict="0")
    assert "1 error" in outcome(text, strict="1")


def test_ci_runs_strictly():
    assert "export DEFECTBENCH_STRICT=1" in (ROOT / ".ci" / "run").read_text()

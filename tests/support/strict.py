"""With DEFECTBENCH_STRICT=1, a test that skips fails, unless it is marked `cuda`."""

import os

import pytest


def _fail_skips(report, cuda):
    if os.environ.get("DEFECTBENCH_STRICT") == "1" and report.skipped and not cuda:
        if hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: {reason}; DEFECTBENCH_STRICT=1 allows skips for CUDA only"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    _fail_skips(report, item.get_closest_marker("cuda"))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    report = yield
    _fail_skips(report, cuda=False)
    return report

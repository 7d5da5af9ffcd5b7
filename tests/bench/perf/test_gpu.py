"""The checks of a GPU, run on the CPU at small sizes, and the timings that compare ways."""

import numpy as np
import pandas as pd
import pytest
import torch
from made import spots

from bench.cli.app import run_app
from bench.perf import extract, extract_worker
from bench.perf.gpu import checks
from bench.perf.gpu.run import NO_GPU
from bench.perf.search import PATHS, PLAIN, _with_ratios
from features.extract.extractor import Extractor
from features.pixels import decode as decode_module
from features.pixels.images import read_image


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def stub(monkeypatch):
    """Pillow in nvJPEG's place."""

    class Stream:
        def synchronize(self):
            pass

    def decode_jpeg(files, *, mode, device):
        return [
            decode_module._to_tensor(decode_module.decode_image(each.numpy().tobytes())) for each in files
        ]

    monkeypatch.setattr(decode_module, "decode_jpeg", decode_jpeg)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream())


def test_without_a_gpu_every_check_is_skipped_with_the_reason_in_one_table(no_gpu, tmp_path):
    assert run_app(["perf", "gpu", "--out", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "gpu.csv")
    assert table["check"].tolist() == [name for name, _, _ in checks.CHECKS]
    assert set(table["result"]) == {"skipped"} and set(table["detail"]) == {NO_GPU}


def test_decoding_is_checked_on_grey_rgb_progressive_cmyk_and_truncated_files(stub, tmp_path):
    result, detail = checks.run_check(checks.decode_against_pillow, tmp_path, "cpu", 0)
    assert result == "ok", detail
    for words in (
        "grey 0.00 (nvJPEG)",
        "RGB 0.00 (nvJPEG)",
        "progressive 0.00 (nvJPEG)",
        "CMYK 0.00 (Pillow)",
    ):
        assert words in detail


def test_a_check_that_fails_is_a_row_with_the_reason(stub, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "read_image", lambda path: np.zeros_like(read_image(path)))
    result, detail = checks.run_check(checks.decode_against_pillow, tmp_path, "cpu", 0)
    assert result == "failed" and detail.startswith("AssertionError: ") and "\n" not in detail


@pytest.mark.parametrize(
    ("check", "size"),
    [
        (checks.decode_many_twice, 20),
        (checks.fine_tune_on_grey_then_embed, 32),
        pytest.param(checks.search_with_many_jobs, 120, marks=pytest.mark.deep),
        pytest.param(checks.train_kill_resume_load, 32, marks=pytest.mark.deep),
    ],
)
def test_checks_pass_where_the_device_is_the_cpu(check, size, tmp_path):
    result, detail = checks.run_check(check, tmp_path, "cpu", size)
    assert result == "ok", detail


def test_mixed_sizes_are_measured_against_one_size_in_one_run(tmp_path, write_image, monkeypatch):
    monkeypatch.setattr(extract, "run_worker", lambda module, task, *rest: extract_worker._mixed(task)[0])
    images, _ = spots(8, 40)
    paths = [write_image(f"m{row}.png", image) for row, image in enumerate(images)]
    table = extract.measure_mixed(paths, tmp_path, size=32, rounds=1)
    assert table["way"].tolist() == ["one size", "mixed sizes"] and table["sizes"].iloc[1] > 1
    assert table["ratio"].iloc[0] == 1 and (table["us_per_image"] > 0).all()


def test_the_ceiling_starts_every_pass_before_it_waits_for_an_answer():
    events = []

    class Forward:
        def start(self, stacks):
            events.append("start")
            return lambda: events.append("wait")

    assert extract_worker.images_per_second(Forward(), torch.zeros(4, 1, 8, 8), 3) > 0
    assert events == ["start"] * 3 + ["wait"] * 3


def test_every_way_of_extracting_is_warmed_before_it_is_timed(monkeypatch, write_image):
    images, _ = spots(4, 24)
    paths = [write_image(f"w{row}.png", image) for row, image in enumerate(images)]
    task = {"paths": paths, "backbone": "resnet18", "size": 24, "device": "cpu", "workers": 0}
    events = []
    transform, timed = Extractor.transform, extract_worker._timed
    monkeypatch.setattr(
        Extractor, "transform", lambda self, X: (events.append("warm"), transform(self, X))[1]
    )
    monkeypatch.setattr(
        extract_worker, "_timed", lambda run, task: (events.append("timed"), timed(run, task))[1]
    )
    for cached in (False, True):
        extract_worker._ours({**task, "cached": cached, "precision": "float32"})
    assert events == ["warm", "timed", "warm", "timed", "timed"]


def test_searches_on_unequal_devices_have_no_ratio():
    rows = [
        {"family": family, "method": method, "device": device, "seconds": 1.0, "fits": 1, "peak_gib": 1.0,
         "scores": None, "best": None, "cv_score": 0.5, "test_auc": 0.5, "note": ""}
        for family, devices in {"lda": ("cpu", "cuda"), "xgb": ("cuda", "cuda")}.items()
        for method, device in zip((PLAIN, PATHS), devices, strict=True)
    ]  # fmt: skip
    table = _with_ratios(pd.DataFrame(rows)).set_index(["family", "method"])
    assert table.loc[("xgb", PATHS), "ratio"] == 1 and np.isnan(table.loc[("lda", PATHS), "ratio"])
    assert np.isnan(table.loc[("total of 2", PATHS), "ratio"])

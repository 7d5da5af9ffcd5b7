"""The measurement of heat maps, on few small images."""

import pandas as pd

from bench.cli.app import run_app


def test_maps_are_timed_against_a_pass(tmp_path):
    options = ["--network", "cnn2", "--methods", "grad_cam,eigen_cam", "--images", "8", "--more", "0"]
    assert run_app(["perf", "explain", *options, "--size", "32", "--out", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "explain.csv")
    assert table["what"].tolist() == ["forward and backward pass", "grad_cam", "eigen_cam"]
    assert (table["images_per_second"] > 0).all() and (table["peak_gib"] > 0).all()
    assert table["ratio"].iloc[0] == 1

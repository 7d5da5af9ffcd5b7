"""What libraries write to stderr reaches the user as one line, or not at all."""

import os
import subprocess
import sys
import warnings

import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from bench.cli.app import run_app
from features.backbones.weights import load_weights
from features.errors import WeightsUnavailable


def test_warnings_of_libraries_are_one_line_each(monkeypatch, capfd):
    def list_models():
        for _ in range(3):
            warnings.warn("lbfgs did not converge:\nSTOP.\n\nSee x", ConvergenceWarning, stacklevel=1)
            warnings.warn("y is deprecated", FutureWarning, stacklevel=1)
        child = "import warnings; warnings.warn('from a child')"
        subprocess.run([sys.executable, "-c", child], check=True, env=os.environ)
        return []

    monkeypatch.setattr("classifiers.names", list_models)
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run_app(["models"]) == 0
    error = capfd.readouterr().err
    assert error == "warning: ConvergenceWarning: lbfgs did not converge: STOP.\n"
    assert "PYTHONWARNINGS" not in os.environ


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_asking_for_weights_that_cannot_be_reached_writes_nothing(stream, capfd, monkeypatch):
    def write(url, **options):
        getattr(sys, stream).write(f'Downloading: "{url}" to somewhere\n')
        raise OSError("unreachable")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", write)
    with pytest.raises(WeightsUnavailable):
        load_weights("resnet18", "imagenet", seed=0)
    assert capfd.readouterr() == ("", "")

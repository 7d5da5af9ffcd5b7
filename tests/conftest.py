"""Shared fixtures: small images on disk, a hub that refuses, one thread."""

import socket

import pytest
import torch
from PIL import Image
from strict import pytest_make_collect_report, pytest_runtest_makereport

from features import datasets

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _closed_network(monkeypatch, tmp_path):
    """Tests reach loopback at most, and share no cache with the user."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch-home"))
    monkeypatch.setenv("DEFECTBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DEFECTBENCH_HUB", raising=False)
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise ConnectionRefusedError(f"tests do not connect to {address[0]}")
        return connect(self, address)

    def lookup(host, *args, **kwargs):
        if host not in ("127.0.0.1", "::1", "localhost", None):
            raise socket.gaierror(f"tests do not look up {host}")
        return real_lookup(host, *args, **kwargs)

    real_lookup = socket.getaddrinfo
    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@pytest.fixture
def parts(tmp_path):
    """A folder dataset of 40 images: its options."""
    return datasets.get_spec("folder").write_example(tmp_path / "parts", 0)


@pytest.fixture
def write_image(tmp_path):
    """Write one image file of given pixels; return its path."""

    def write(name, pixels, **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)
        return str(path)

    return write

"""Projections leave nothing behind that writes to stderr when the process forks later on."""

import os

import numpy as np
import pytest

from results.embeddings.projections import project


@pytest.mark.deep
def test_a_fork_after_the_projections_is_silent(capfd):
    import numba

    embeddings = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    project(embeddings, [str(row) for row in range(20)])
    assert numba.threading_layer() == "workqueue"
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert capfd.readouterr().err == ""

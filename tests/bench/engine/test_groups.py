import numpy as np
import pandas as pd
import pytest

from bench.config import load_config
from bench.engine.context import Context
from bench.run_folder import RunFolder
from features.store import EmbeddingStore


@pytest.fixture
def context(tmp_path):
    def make(kind, **columns):
        config = load_config("smoke", {"split": {"kind": kind}})
        images = pd.DataFrame({"y": [0, 1] * 4, **columns})
        return Context(config, RunFolder(tmp_path / "run"), images, EmbeddingStore(tmp_path / "store"))

    return make


CLUSTERS = ["a", "b", "a", "c", "d", "e", "f", "g"]
GROUPS = ["x", "x", None, "y", "y", "z", "z", "z"]


def test_predictions_name_what_the_split_kept_together(context):
    made = context("stratified", cluster=CLUSTERS, group=GROUPS)
    assert made.group_names(np.arange(4)).tolist() == ["a", "", "a", ""]


def test_groups_of_a_split_of_an_older_version_count_under_a_group_split_only(context):
    assert context("group", group=GROUPS).group_names(np.arange(4)).tolist() == ["x", "x", "", ""]
    assert context("stratified", group=GROUPS).group_names(np.arange(4)).tolist() == [""] * 4
    assert context("group").group_names(np.arange(4)).tolist() == [""] * 4


def test_folds_keep_copies_together(context):
    cluster = ["a", "b", "a", "b", "c", "d", "c", "d"]
    folds = context("stratified", cluster=cluster).folds(np.arange(8), 2, 0)
    for fit, held_out in folds:
        assert not {cluster[row] for row in fit} & {cluster[row] for row in held_out}


def test_folds_without_copies_are_those_of_before(context):
    from sklearn.model_selection import StratifiedKFold

    made = context("stratified")
    wanted = StratifiedKFold(2, shuffle=True, random_state=3).split(made.y, made.y)
    for found, right in zip(made.folds(np.arange(8), 2, 3), wanted, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(found, right, strict=True))

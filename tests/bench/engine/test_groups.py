import pandas as pd

from bench.engine.finish import _groups


def test_predictions_name_what_the_split_kept_together():
    images = pd.DataFrame({"cluster": ["a", "b", "a", "c"], "group": ["x", "x", "y", "y"]})
    assert _groups(images, "stratified").tolist() == ["a", "", "a", ""]


def test_groups_of_a_split_of_an_older_version_count_under_a_group_split_only():
    images = pd.DataFrame({"group": ["x", "x", None, "y"]})
    assert _groups(images, "group").tolist() == ["x", "x", "", ""]
    assert _groups(images, "stratified").tolist() == [""] * 4
    assert _groups(images[[]], "group").tolist() == [""] * 4

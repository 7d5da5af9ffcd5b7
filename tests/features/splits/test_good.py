"""Splits for models that learn from good images only."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.datasets import ImageDataset
from features.errors import InputError
from features.splits import make_split, plan_split


def dataset(good, bad, split=None):
    labels = ["good"] * good + ["bad"] * bad
    ids = [f"i{i}" for i in range(len(labels))]
    table = pd.DataFrame({"image_id": ids, "path": ids, "label": labels})
    if split is not None:
        table["split"] = split
    return ImageDataset("made", table, ("good", "bad"), ("bad",))


@settings(max_examples=40, deadline=None)
@given(good=st.integers(6, 60), bad=st.integers(1, 9), seed=st.integers(0, 3), pairs=st.booleans())
def test_every_defect_is_in_test_and_good_images_are_everywhere(good, bad, seed, pairs):
    data = dataset(good, bad)
    copies = np.arange(good + bad) // 2 if pairs else np.arange(good + bad)
    split = make_split(data, kind="good", seed=seed, copies=copies)
    assert (split[data.y == 1] == "test").all()
    assert {"train", "valid"} <= set(split[data.y == 0])
    assert (split.groupby(copies).nunique() == 1).all()
    equal = make_split(data, kind="good", seed=seed, copies=copies)
    assert split.tolist() == equal.tolist()


def test_good_images_are_divided_in_the_sizes_asked_for():
    split = make_split(dataset(300, 5), kind="good")
    assert split.value_counts().to_dict() == {"train": 180, "test": 80, "valid": 45}


def test_the_note_says_which_models_run():
    (note,) = plan_split(dataset(300, 5), kind="good").notes
    assert note.startswith("no defect in the train split: only models that learn from good images run")


def test_rare_classes_are_not_pooled_where_all_of_them_go_to_test():
    table = dataset(60, 5).table.assign(label=["good"] * 60 + ["scratch"] * 3 + ["chip"] * 2)
    data = ImageDataset("made", table, ("good", "scratch", "chip"), ("scratch", "chip"))
    (note,) = plan_split(data, kind="good").notes
    assert note.startswith("no defect in the train split")


def test_too_few_good_images_are_refused_in_one_line():
    with pytest.raises(InputError, match=r"split good: .*good images? in .*; add good images") as error:
        make_split(dataset(2, 5), kind="good")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_the_message_on_too_few_defects_names_this_split(bad):
    with pytest.raises(InputError, match=r"use .*--split good"):
        make_split(dataset(40, bad))
    assert (make_split(dataset(40, bad), kind="good").iloc[40:] == "test").all()


@pytest.mark.parametrize("valid", [[], ["valid"] * 10], ids=["valid is cut from train", "valid is given"])
def test_an_official_split_may_lack_defects_where_a_model_needs_none(valid):
    given_split = ["train"] * (50 - len(valid)) + valid + ["test"] * 20
    data = dataset(60, 10, given_split)
    with pytest.raises(InputError, match=r"defective images? in train"):
        make_split(data, kind="official")
    split = make_split(data, kind="official", good_only=True)
    assert (split[data.y == 1] == "test").all() and set(split) == {"train", "valid", "test"}


def test_an_official_split_with_too_few_defects_for_its_folds_is_refused():
    data = dataset(60, 10, ["train"] * 40 + ["valid"] * 5 + ["test"] * 15 + ["train"] * 2 + ["test"] * 8)
    with pytest.raises(InputError, match="2 defective images in train"):
        make_split(data, kind="official", good_only=True)
    assert set(make_split(data, kind="official", good_only=True, folds=2)) == {"train", "valid", "test"}

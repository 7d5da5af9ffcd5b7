import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.datasets import load_dataset
from features.datasets.base import ImageDataset
from features.errors import InputError
from features.splits import make_split


def dataset(n=200, defects=0.3, groups=None, split=None, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(n)],
            "path": [f"p{i}" for i in range(n)],
            "label": np.where(rng.permutation(n) < defects * n, "bad", "good"),
        }
    )
    if groups:
        table["group"] = [f"g{i * groups // n}" for i in range(n)]
    if split is not None:
        table["split"] = split
    return ImageDataset("made", table, ("good", "bad"), ("bad",))


@settings(max_examples=30, deadline=None)
@given(n=st.integers(80, 400), defects=st.floats(0.2, 0.8), seed=st.integers(0, 99))
def test_stratified_shares_each_class(n, defects, seed):
    data = dataset(n, defects, seed=seed)
    split = make_split(data, seed=seed)
    for label in (0, 1):
        shares = split[data.y == label].value_counts(normalize=True)
        count = int((data.y == label).sum())
        for name, size in (("train", 0.60), ("valid", 0.15), ("test", 0.25)):
            assert abs(shares[name] - size) <= 2 / count + 0.01


def test_seed_decides():
    data = dataset()
    pd.testing.assert_series_equal(make_split(data, seed=3), make_split(data, seed=3))
    assert (make_split(data, seed=3) != make_split(data, seed=4)).any()


@settings(max_examples=20, deadline=None)
@given(groups=st.integers(12, 50), seed=st.integers(0, 99))
def test_groups_stay_whole(groups, seed):
    data = dataset(600, groups=groups, seed=seed)
    split = make_split(data, kind="group", seed=seed)
    assert (split.groupby(data.table["group"]).nunique() == 1).all()
    shares = split.value_counts(normalize=True)
    assert abs(shares["test"] - 0.25) < 1.5 / groups + 0.05
    assert abs(shares["train"] - 0.60) < 1.5 / groups + 0.05


def test_official_rows_stay_where_they_are():
    given_split = ["test"] * 50 + ["train"] * 150
    data = dataset(split=given_split)
    split = make_split(data, kind="official")
    assert (split[:50] == "test").all() and not (split[50:] == "test").any()
    assert (split == "valid").sum() == 30


def test_official_open_rows_are_shared_out():
    data = dataset(split=["test"] * 50 + [None] * 150)
    split = make_split(data, kind="official")
    assert (split[:50] == "test").all() and set(split[50:]) == {"train", "valid"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "random"}, "choose one of stratified"),
        ({"kind": "group"}, "has no column 'group'"),
        ({"sizes": (0.5, 0.5, 0.5)}, "add up to 1"),
        ({"folds": 99}, "too few"),
    ],
)
def test_what_cannot_be_split_is_named(options, message):
    with pytest.raises(InputError, match=message):
        make_split(dataset(), **options)


def digest(split):
    return hashlib.blake2b(",".join(split).encode(), digest_size=8).hexdigest()


def several_classes():
    labels = np.random.default_rng(5).choice(
        ["good", "dent", "scratch", "crack"], 300, p=[0.6, 0.2, 0.15, 0.05]
    )
    ids = [f"i{i}" for i in range(300)]
    table = pd.DataFrame({"image_id": ids, "path": ids, "label": labels})
    return ImageDataset("made", table, ("good", "dent", "scratch", "crack"), ("dent", "scratch", "crack"))


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        (dataset(), {}, "f0c2f6bc2d336aa6"),
        (dataset(), {"seed": 7}, "d17a93df17386543"),
        (dataset(97, 0.2, seed=3), {"sizes": (0.7, 0.1, 0.2), "seed": 1}, "8cddc1c944b2486d"),
        (several_classes(), {"seed": 2}, "e631c05ac63d393d"),
        (dataset(split=["test"] * 50 + ["train"] * 150), {"kind": "official"}, "865cdba8a2db4f3f"),
        (dataset(split=["test"] * 50 + [None] * 150), {"kind": "official", "seed": 4}, "8c8648618f433a37"),
    ],
)
def test_ordinary_datasets_keep_their_split(data, options, expected):
    assert digest(make_split(data, **options)) == expected


@pytest.mark.parametrize(("seed", "expected"), [(0, "2db855e53735989a"), (1, "f640ee7b63c40627")])
def test_elpv_keeps_the_split_of_the_reference_runs(seed, expected):
    data = load_dataset("elpv")
    # ELPV has no copies; to read its files for them would take seconds.
    assert digest(make_split(data, seed=seed, copies=np.arange(len(data.table)))) == expected

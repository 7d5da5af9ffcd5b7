"""Rare classes, copies and groups: what is kept together, and what still gets into every split."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from features.datasets import load_dataset
from features.datasets.base import ImageDataset
from features.errors import InputError
from features.splits import make_folds, make_split, plan_split


def dataset(labels, group=None, split=None):
    ids = [f"i{i}" for i in range(len(labels))]
    table = pd.DataFrame({"image_id": ids, "path": ids, "label": labels})
    if group is not None:
        table["group"] = group
    if split is not None:
        table["split"] = split
    classes = ("good", *sorted(set(labels) - {"good"}))
    return ImageDataset("made", table, classes, classes[1:])


def counts(split, data):
    return {(part, y): int(((split == part) & (data.y == y)).sum()) for part in set(split) for y in (0, 1)}


@settings(max_examples=30, deadline=None)
@given(
    rare=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    kind=st.sampled_from(["stratified", "group", "official"]),
    seed=st.integers(0, 9),
)
def test_rare_classes_do_not_stop_the_split(rare, kind, seed):
    labels = ["good"] * 60 + ["scratch"] * 24 + [f"rare{i}" for i, n in enumerate(rare) for _ in range(n)]
    group = [f"g{i // 2}" for i in range(len(labels))]
    data = dataset(labels, group, ["test" if i % 3 == 0 else "train" for i in range(len(labels))])
    split = make_split(data, kind=kind, seed=seed)
    assert len(split) == len(labels) and set(split) == {"train", "valid", "test"}
    assert min(counts(split, data).values()) >= 1


def test_rare_classes_are_named():
    plan = plan_split(dataset(["good"] * 40 + ["scratch"] * 24 + ["dent"]))
    assert plan.notes == (
        "classes too rare to be divided by themselves are pooled with class scratch: dent (1 image)",
    )


@settings(max_examples=30, deadline=None)
@given(good=st.integers(2, 40), bad=st.integers(1, 12), folds=st.integers(2, 8))
def test_every_split_holds_a_defect_or_the_advice_works(good, bad, folds):
    data = dataset(["good"] * good + ["bad"] * bad)
    try:
        split = make_split(data, folds=folds)
    except InputError as error:
        advised = re.search(r"use --folds (\d+)", str(error))
        assert (advised is None) == (min(good, bad) < 4), error
        if advised is None:
            return
        folds = int(advised[1])
        split = make_split(data, folds=folds)
    held = counts(split, data)
    assert min(held.values()) >= 1 and min(held["train", 0], held["train", 1]) >= folds


@pytest.mark.parametrize("kind", ["stratified", "group"])
def test_advice_allows_for_copies_and_groups(kind):
    data = dataset(["good"] * 60 + ["bad"] * 6, [f"g{i // 2}" for i in range(66)])
    copies = np.arange(66) // 2
    with pytest.raises(InputError, match="use --folds 2, or") as error:
        make_split(data, kind=kind, copies=copies)
    assert str(error.value).count("\n") == 0
    make_split(data, kind=kind, copies=copies, folds=2)


def test_three_images_are_refused_in_one_line():
    with pytest.raises(InputError, match=r"1 defective image: too few .* add images") as error:
        make_split(dataset(["good", "good", "bad"]))
    assert "\n" not in str(error.value) and "--folds" not in str(error.value)


@settings(max_examples=20, deadline=None)
@given(pairs=st.integers(15, 80), alone=st.integers(0, 60), times=st.integers(2, 4), seed=st.integers(0, 9))
def test_copies_stay_together_and_sizes_are_honoured(pairs, alone, times, seed):
    copies = np.concatenate([np.repeat(np.arange(pairs), times), pairs + np.arange(alone)])
    data = dataset(list(np.where(copies % 2, "bad", "good")))
    split = make_split(data, seed=seed, copies=copies)
    assert (split.groupby(copies).nunique() == 1).all()
    for part, size in (("train", 0.60), ("valid", 0.15), ("test", 0.25)):
        assert abs((split == part).sum() - size * len(split)) <= 2 * times
        assert abs(((split == part) & (data.y == 1)).sum() - size * data.y.sum()) <= 2 * times


def test_equal_pixels_in_another_format_stay_together(write_image, tmp_path):
    rng = np.random.default_rng(0)
    for label in ("good", "bad"):
        for i in range(24):
            pixels = rng.integers(0, 255, (16, 16), dtype=np.uint8)
            write_image(f"parts/{label}/{i}.png", pixels)
            if i < 12:
                # Another format, and grey saved as colour.
                write_image(f"parts/{label}/again{i}.bmp", pixels)
                Image.fromarray(pixels).convert("RGB").save(tmp_path / f"parts/{label}/colour{i}.tif")
    data = load_dataset("folder", root=tmp_path / "parts", positive="bad")
    name = data.table["image_id"].str.replace(r"again|colour", "", regex=True)
    for seed in range(3):
        split = make_split(data, seed=seed)
        assert (split.groupby(name.str.removesuffix(".png")).nunique() == 1).all()


def test_official_copies_are_reported_and_never_moved():
    official = ["test"] * 30 + ["train"] * 90
    data = dataset((["good"] * 3 + ["bad"] * 3) * 20, split=official)
    copies = np.arange(120)
    copies[60] = copies[0]
    plan = plan_split(data, kind="official", copies=copies)
    assert (plan.parts[:30] == "test").all() and not (plan.parts[30:] == "test").any()
    assert "1 image is an exact copy" in plan.notes[0]
    assert "1 set is in more than one split" in plan.notes[0] and "i0 in test" in plan.notes[0]


def test_open_rows_follow_their_official_copies():
    data = dataset((["good"] * 3 + ["bad"] * 3) * 20, split=["test"] * 30 + [None] * 90)
    copies = np.arange(120)
    copies[60], copies[70] = copies[0], copies[71]
    split = make_split(data, kind="official", copies=copies)
    assert split[60] == "test" and split[70] == split[71]


@pytest.mark.parametrize("missing", [None, np.nan, "", "  "])
def test_images_without_a_group_are_groups_of_their_own(missing):
    data = dataset(
        ["good", "bad", "good"] * 40, [missing if i % 10 == 0 else f"lot{i % 17}" for i in range(120)]
    )
    plan = plan_split(data, kind="group", folds=2)
    assert plan.parts.notna().all() and "12 of 120 images have no group (for example i0)" in plan.notes[0]
    named = data.table["group"].astype(str).str.startswith("lot")
    assert (plan.parts[named].groupby(data.table["group"][named]).nunique() == 1).all()
    assert plan.cluster[~named].nunique() == 12


def test_groups_that_share_a_copy_are_joined():
    data = dataset(["good", "bad"] * 60, [f"lot{i // 4}" for i in range(120)])
    copies = np.arange(120)
    copies[4] = copies[0]
    plan = plan_split(data, kind="group", folds=2, copies=copies)
    assert plan.parts[:8].nunique() == 1 and plan.cluster[:8].nunique() == 1
    assert any("1 group is joined" in note for note in plan.notes)


@pytest.mark.parametrize("sizes", [np.arange(3, 43), np.full(40, 10), np.arange(1, 13) * 5])
def test_another_seed_gives_another_group_split(sizes):
    groups = np.repeat([f"lot{i}" for i in range(len(sizes))], sizes)
    data = dataset(list(np.where(np.random.default_rng(0).random(len(groups)) < 0.4, "bad", "good")), groups)
    splits = [make_split(data, kind="group", folds=2, seed=seed) for seed in range(5)]
    tests = {frozenset(np.flatnonzero(split == "test")) for split in splits}
    assert len(tests) >= 3
    for split in splits:
        assert abs((split == "test").mean() - 0.25) < 0.03 + 0.5 / len(sizes)
    again = make_split(data, kind="group", folds=2, seed=3)
    pd.testing.assert_series_equal(again, splits[3])


def test_groups_with_rare_classes_get_a_defect_into_every_split():
    labels = ["good"] * 90 + ["dent"] * 2 + ["crack"] * 2 + ["hole"] * 2
    group = [f"g{i // 5}" for i in range(90)] + ["g3", "d1", "g5", "d2", "d3", "g9"]
    data = dataset(labels, group)
    split = make_split(data, kind="group", folds=3)
    assert min(counts(split, data).values()) >= 1


def test_a_group_split_that_cannot_be_says_what_can():
    data = dataset(["good"] * 60 + ["bad"] * 20, ["a"] * 30 + ["b"] * 30 + ["c"] * 20)
    with pytest.raises(InputError, match=r"use --split stratified .*optimistic") as error:
        make_split(data, kind="group")
    assert "\n" not in str(error.value)
    make_split(data, kind="stratified")


def test_folds_of_a_search_keep_clusters_whole_and_hold_both_classes():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [60, 20])
    cluster = np.concatenate([np.arange(60) // 4, 100 + np.arange(20) // 4]).astype(str)
    for seed in range(5):
        folds = make_folds(y, 5, seed, cluster)
        assert len(folds) == 5 and sorted(np.concatenate([held for _, held in folds])) == list(range(80))
        for fit, held in folds:
            assert not set(cluster[fit]) & set(cluster[held])
            assert set(y[fit]) == set(y[held]) == {0, 1}
    order = rng.permutation(80)
    assert len(make_folds(y[order], 4, 0)) == 4


def test_searches_use_fewer_folds_where_groups_are_few():
    y = np.repeat([0, 1], [60, 12])
    cluster = np.concatenate([np.arange(60) // 4, 100 + np.arange(12) // 4]).astype(str)
    assert len(make_folds(y, 5, 0, cluster)) == 3
    data = dataset(["good"] * 100 + ["bad"] * 20, [f"g{i // 4}" for i in range(120)])
    assert any("searches use 3 folds, not 5" in note for note in plan_split(data, kind="group").notes)


def test_groups_may_be_numbers_or_categories():
    labels = ["good", "bad", "good"] * 40
    words = [f"lot{i % 17}" for i in range(120)]
    expected = make_split(dataset(labels, words), kind="group", folds=2)
    for group in (pd.Categorical([None, *words[1:]]), np.arange(120) % 17, np.arange(120) % 17 + 0.5):
        split = make_split(dataset(labels, group), kind="group", folds=2)
        assert split.notna().all() and set(split) == set(expected)


@pytest.mark.parametrize(
    ("copies", "said"),
    [
        (np.zeros(60, int), "all 60 images are copies of one image"),
        (np.arange(60) // 30, "the 30 good images are copies of 1 image and the 30 defective images"),
        (np.where(np.arange(60) < 30, np.arange(60), 30 + np.arange(60) % 2),
         "made: the 30 defective images are copies of 2 images;"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["stratified", "group"])
def test_images_that_are_copies_of_too_few_are_refused_with_the_remedy(copies, said, kind):
    data = dataset(["good"] * 30 + ["bad"] * 30, [f"g{i}" for i in range(60)])
    with pytest.raises(InputError, match="equal images stay in one split") as error:
        make_split(data, kind=kind, copies=copies)
    assert said in str(error.value) and "add different images" in str(error.value)
    assert "\n" not in str(error.value) and "needed (" not in str(error.value)

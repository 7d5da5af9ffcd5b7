"""Images that belong together: found, measured, and named with a remedy that works."""

import re
import shlex

import numpy as np
import pandas as pd
import pytest
from surfaces import write_surfaces

from features.datasets import load_dataset
from features.datasets.check import check_dataset
from features.errors import InputError
from features.pixels.images import scan_images
from features.splits import make_split
from features.structure.copies import conflicting_labels, copies_of, copy_sets
from features.structure.examine import examine, near_sets_table
from features.structure.fingerprints import Fingerprints


@pytest.fixture(scope="module")
def surfaces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("surfaces")
    return folder, dict(write_surfaces(folder))


def load(folder, **options):
    return load_dataset("folder", root=folder, positive="blow", **options)


def parts_of(dataset, written):
    names = dataset.table["path"].map(lambda path: "/".join(path.split("/")[-2:]))
    return names.map(written).to_numpy()


def looked_at(dataset, **options):
    prints = Fingerprints(len(dataset.table))
    scan_images(dataset.table["path"].tolist(), observe=prints.observe)
    return examine(dataset.table, dataset.y, prints, copies=copy_sets(prints.pixels), **options)


def remedy(lines):
    found = re.search(r"--group ('[^']+'|\S+) --split group", lines[-1])
    assert found, lines
    return shlex.split(found[1])[0]


def test_neighbouring_numbers_that_leak_are_found_measured_and_named(surfaces):
    folder, written = surfaces
    dataset = load(folder)
    found = looked_at(dataset, parts=make_split(dataset).to_numpy())
    assert found.near_share > 0.3 and "of the test images have a near copy in train" in found.warnings[0]
    assert "file names suggest groups" in found.warnings[1]
    assert found.auc_parted > found.auc_whole + 0.1
    assert f"{found.auc_parted:.3f}" in found.warnings[2] and f"{found.auc_whole:.3f}" in found.warnings[2]
    grouped = load(folder, group=remedy(found.warnings))
    split = make_split(grouped, kind="group")
    parted = pd.Series(split.to_numpy()).groupby(parts_of(grouped, written)).nunique()
    assert (parted > 1).mean() < 0.1
    after = looked_at(grouped, parts=split.to_numpy(), kind="group")
    assert after.near_share < 0.1


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("part{part}_{view}.png", r"part(\d+)"),
        ("{part}-{view}.png", r"^\D*(\d+)"),
        ("{part}x-{code}a.png", None),
        ("lot1_{part}_cam{view}.png", None),
        ("part{part}/{code}.png", "parent"),
        ("{code}.png", None),
    ],
)
def test_the_remedy_keeps_parts_whole_whatever_the_names(tmp_path, name, group):
    written = dict(write_surfaces(tmp_path / "in", parts=60, name=name))
    dataset = load(tmp_path / "in")
    sets_file = tmp_path / "near.csv"
    found = looked_at(dataset, sets_file=str(sets_file))
    given = remedy(found.warnings)
    assert group in (None, given)
    if found.near_sets is not None:
        assert given == str(sets_file)
        near_sets_table(dataset.table["image_id"], found.near_sets).to_csv(sets_file, index=False)
    grouped = load(tmp_path / "in", group=given)
    names = grouped.table["path"].str.removeprefix(str(tmp_path / "in") + "/")
    split = pd.Series(make_split(grouped, kind="group", folds=3).to_numpy())
    parted = split.groupby(names.map(written).to_numpy()).nunique()
    assert (parted > 1).mean() <= (0.3 if found.near_sets is not None else 0)


def test_images_on_their_own_are_sound(tmp_path):
    write_surfaces(tmp_path, parts=160, photographs=(1, 2))
    report = check_dataset(load(tmp_path))
    assert report.structure == [] and report.sound


def test_split_group_without_groups_proposes_the_pattern(surfaces):
    folder, _ = surfaces
    with pytest.raises(
        InputError, match=r"no column 'group'; .* suggest one: --group '.*' makes \d+ groups"
    ) as error:
        make_split(load(folder), kind="group")
    given = shlex.split(re.search(r"--group ('.*?') makes", str(error.value))[1])[0]
    make_split(load(folder, group=given), kind="group")


def test_a_check_warns_of_near_copies_in_the_splits_of_the_owner(surfaces):
    folder, written = surfaces
    dataset = load(folder)
    dataset.table["split"] = np.where(np.arange(len(dataset.table)) % 4 == 0, "test", "train")
    report = check_dataset(dataset)
    assert "of the test images have a near copy in train" in report.structure[0]
    assert report.sound and report.groups is None


def test_groups_of_the_dataset_that_a_stratified_split_parts_are_named(surfaces):
    folder, written = surfaces
    dataset = load(folder)
    dataset.table["group"] = [f"part {part}" for part in parts_of(dataset, written)]
    found = looked_at(dataset, parts=make_split(dataset).to_numpy())
    assert "the dataset has 70 groups of images that look alike" in found.warnings[1]
    assert found.warnings[-1].endswith(": --split group")


def test_embeddings_are_compared_where_they_are_given(surfaces):
    folder, written = surfaces
    dataset = load(folder)
    parts = parts_of(dataset, written)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(parts.max() + 1, 16))[parts] + 0.05 * rng.normal(size=(len(parts), 16))
    found = looked_at(dataset, parts=make_split(dataset).to_numpy(), embeddings=vectors)
    assert found.near_share > 0.8 and found.naming is not None


def test_equal_images_with_two_labels_are_named():
    lines = conflicting_labels(
        np.array([0, 1, 0, 2, 2]), ["good", "bad", "bad", "good", "good"], list("abcde")
    )
    assert lines == ["same image, labels bad and good: a, c"]


def test_a_check_counts_equal_pixels_in_another_format(write_image, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(8):
        pixels = rng.integers(0, 255, (16, 16), dtype=np.uint8)
        write_image(f"in/{('good', 'blow')[i % 2]}/{i}.png", pixels)
        if i < 3:
            write_image(f"in/{('good', 'good', 'blow')[i]}/again{i}.bmp", pixels)
    report = check_dataset(load(tmp_path / "in"))
    assert len(report.copies) == 1 and len(report.leaks) == 2 and not report.sound


def test_images_of_one_grey_value_are_copies_only_where_their_files_are_equal(write_image):
    black = [write_image(f"{size}.png", np.zeros((12, 12), np.uint8), compress_level=size) for size in (0, 9)]
    again = write_image("again.png", np.zeros((12, 12), np.uint8), compress_level=9)
    assert copies_of([*black, again]).tolist() == [0, 1, 1]

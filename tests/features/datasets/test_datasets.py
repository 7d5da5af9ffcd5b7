import inspect

import numpy as np
import pandas as pd
import pytest

from features import datasets
from features.datasets.base import ImageDataset
from features.datasets.elpv import module_of, near_boundary
from features.errors import InputError
from features.pixels.images import read_image


@pytest.fixture(params=datasets.names())
def example(request, tmp_path):
    spec = datasets.get_spec(request.param)
    return spec, spec.write_example(tmp_path / "example", 0)


def test_every_dataset_keeps_the_contract(example):
    spec, options = example
    dataset = datasets.load_dataset(spec.name, **options)
    table = dataset.table
    assert {"image_id", "path", "label"} <= set(table.columns)
    assert table["image_id"].is_unique and len(table) >= 30
    assert set(table["label"]) <= set(dataset.classes)
    assert 0 < dataset.y.sum() < len(table)
    assert dataset.y.dtype == np.int8
    assert read_image(table["path"].iloc[0]).dtype == np.uint8
    assert set(options) <= set(spec.options.model_fields)


def test_every_dataset_takes_the_options_that_its_model_lists():
    for name in datasets.names():
        spec = datasets.get_spec(name)
        fields = spec.options.model_fields
        parameters = inspect.signature(spec.load).parameters
        assert list(fields) == list(parameters), name
        for option, field in fields.items():
            assert field.description and field.description.endswith("."), f"{name}: {option}"
            default = parameters[option].default
            assert field.is_required() or field.default == default, f"{name}: {option}"


def test_every_dataset_is_the_same_twice(example):
    spec, options = example
    first, second = (datasets.load_dataset(spec.name, **options) for _ in range(2))
    pd.testing.assert_frame_equal(first.table, second.table)


def test_every_dataset_refuses_unknown_options(example):
    spec, options = example
    with pytest.raises(InputError, match="takes no option colour"):
        datasets.load_dataset(spec.name, **options, colour="blue")


def test_every_dataset_names_a_missing_directory(example, tmp_path):
    spec, options = example
    message = "nowhere" if "root" in spec.options.model_fields else "takes no option root"
    with pytest.raises(InputError, match=message):
        datasets.load_dataset(spec.name, **{**options, "root": str(tmp_path / "nowhere")})


def test_every_dataset_that_takes_a_bit_depth_passes_it_on(example):
    spec, options = example
    if "bit_depth" in spec.options.model_fields:
        assert datasets.load_dataset(spec.name, **options, bit_depth=12).bit_depth == 12
    else:
        assert datasets.load_dataset(spec.name, **options).bit_depth is None


def test_the_datasets_of_the_users_files_take_their_bit_depth():
    for name in ("elpv", "folder", "nexperia"):
        assert "bit_depth" in datasets.get_spec(name).options.model_fields


def test_unknown_dataset_is_named():
    with pytest.raises(InputError, match=r"no dataset 'mnist'; there are: elpv, folder"):
        datasets.load_dataset("mnist")


def test_elpv_of_the_package():
    pytest.importorskip("elpv_dataset")
    dataset = datasets.load_dataset("elpv")
    assert len(dataset.table) == 2624 and dataset.y.sum() == 821
    assert datasets.load_dataset("elpv", threshold=0.2).y.sum() == 821 + 295
    modules = dataset.table.groupby("type")["group"].nunique()
    assert modules.to_dict() == {"mono": 18, "poly": 26}
    weights = datasets.load_dataset("elpv", certainty_weights=True).table["weight"]
    assert sorted(weights.round(3).unique()) == [0.667, 1.0]
    assert "CC BY-NC-SA" in dataset.credit
    assert read_image(dataset.table["path"].iloc[0]).shape == (300, 300)


def test_modules_are_runs_of_one_type():
    groups = module_of(pd.Series(["mono"] * 121 + ["poly"] * 30))
    assert pd.Series(groups).nunique() == 3
    assert pd.Series(groups).value_counts().max() == 61


def test_only_guessed_boundaries_are_near():
    kinds = pd.Series(["mono"] * 121 + ["poly"] * 130)
    modules = pd.Series(module_of(kinds))
    near = near_boundary(modules, kinds, 3)
    guessed = [row for row in range(1, 251) if modules[row] != modules[row - 1] and row != 121]
    assert len(guessed) == 2
    assert np.flatnonzero(near).tolist() == [row + step for row in guessed for step in range(-3, 3)]
    assert near_boundary(modules, kinds, 20).sum() == 80
    assert not near_boundary(modules, kinds, 0).any()


def test_cells_near_a_boundary_are_left_out_by_option(tmp_path, write_image):
    lines = [f"images/{index}.png {index % 2}.0 mono" for index in range(120)]
    for index in range(120):
        write_image(f"elpv/images/{index}.png", np.zeros((9, 9), np.uint8))
    (tmp_path / "elpv" / "labels.csv").write_text("\n".join(lines))
    whole = datasets.load_dataset("elpv", root=tmp_path / "elpv").table
    fewer = datasets.load_dataset("elpv", root=tmp_path / "elpv", boundary_cells=2).table
    left_out = set(whole["image_id"]) - set(fewer["image_id"])
    assert left_out == {"58", "59", "60", "61"}
    groups = whole.set_index("image_id")["group"]
    assert fewer["group"].tolist() == groups[fewer["image_id"]].tolist()
    with pytest.raises(InputError, match="boundary_cells"):
        datasets.load_dataset("elpv", root=tmp_path / "elpv", boundary_cells=21)


def test_a_split_by_guessed_groups_is_called_approximate():
    elpv, folder = datasets.get_spec("elpv"), datasets.get_spec("folder")
    assert elpv.split_name("group") == elpv.groups_name == "approximate groups"
    assert elpv.split_name("stratified") == folder.split_name("stratified") == "stratified"
    assert (folder.split_name("group"), folder.groups_name) == ("group", "groups")


def test_folder_takes_many_classes(tmp_path, write_image):
    for index in range(9):
        write_image(f"root/{('good', 'chip', 'lead')[index % 3]}/{index}.png", np.zeros((9, 9), np.uint8))
    dataset = datasets.load_dataset("folder", root=tmp_path / "root", positive="chip, lead")
    assert dataset.classes == ("chip", "good", "lead") and dataset.y.sum() == 6


def test_folder_asks_which_class_is_defective(tmp_path, write_image):
    for name in ("a", "b"):
        write_image(f"root/{name}/0.png", np.zeros((9, 9), np.uint8))
    with pytest.raises(InputError, match="--positive, or the good ones with --negative, out of: a, b"):
        datasets.load_dataset("folder", root=tmp_path / "root")
    with pytest.raises(InputError, match="no class 'c'"):
        datasets.load_dataset("folder", root=tmp_path / "root", positive="c")


def test_folder_without_images_or_classes(tmp_path):
    (tmp_path / "root").mkdir()
    with pytest.raises(InputError, match="no subfolders"):
        datasets.load_dataset("folder", root=tmp_path / "root")
    (tmp_path / "root" / "good").mkdir()
    with pytest.raises(InputError, match="no PNG"):
        datasets.load_dataset("folder", root=tmp_path / "root")


def test_folder_reports_files_that_are_no_images(tmp_path, parts):
    (tmp_path / "parts" / "good" / "notes.txt").write_text("hello")
    (tmp_path / "parts" / "good" / ".hidden").write_text("hello")
    dataset = datasets.load_dataset("folder", **parts)
    assert [path.rsplit("/", 1)[1] for path, _ in dataset.problems] == ["notes.txt"]


def test_equal_stems_keep_their_suffix(tmp_path, write_image):
    for name in ("good/a.png", "good/a.bmp", "bad/b.png"):
        write_image(f"root/{name}", np.zeros((9, 9), np.uint8))
    table = datasets.load_dataset("folder", root=tmp_path / "root").table
    assert sorted(table["image_id"]) == ["bad/b", "good/a.bmp", "good/a.png"]


def test_one_class_only_and_too_few_are_named():
    table = pd.DataFrame({"image_id": list("abc"), "path": list("abc"), "label": ["good"] * 3})
    dataset = ImageDataset("folder", table, ("good", "bad"), ("bad",))
    with pytest.raises(InputError, match="one class only, no defective image among 3"):
        dataset.check_learnable(1)
    table.loc[0, "label"] = "bad"
    with pytest.raises(InputError, match="images are too few for three splits"):
        dataset.check_learnable(5)


def test_empty_and_doubled_tables_are_refused():
    columns = {"image_id": ["a", "a"], "path": ["a", "b"], "label": ["good", "good"]}
    with pytest.raises(InputError, match="'a' occurs twice"):
        ImageDataset("x", pd.DataFrame(columns), ("good", "bad"), ("bad",))
    with pytest.raises(InputError, match="no images"):
        ImageDataset("x", pd.DataFrame(columns).head(0), ("good", "bad"), ("bad",))

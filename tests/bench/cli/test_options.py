"""Options belong to their dataset: configuration, flags and listing are built from its model."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import Field

from bench.cli.app import run_app
from bench.cli.options import config_flags, dataset_flags, with_pairs
from bench.config import RunConfig, load_config
from features import datasets
from features.datasets import Options, folder
from features.errors import InputError


class ToyOptions(Options):
    root: str = Field(description="Folder of the toy.", json_schema_extra={"flag": True})
    margin: int = Field(default=2, ge=0, description="Pixels to cut off.", json_schema_extra={"flag": True})
    skip: tuple[str, ...] = Field(default=(), description="Names to leave out.")


@pytest.fixture
def toy(monkeypatch):
    """A dataset of its own, registered: what it was loaded with."""
    calls = []

    def load(root, margin, skip):
        calls.append({"root": root, "margin": margin, "skip": skip})
        return replace(folder.load(root, "scratch"), name="toy")

    spec = datasets.DatasetSpec("toy", load, "a toy", folder.write_example, ToyOptions)
    monkeypatch.setitem(datasets._REGISTRY, "toy", spec)
    return calls


@pytest.fixture
def configured(monkeypatch):
    """The configurations that `defectbench run` starts; nothing is run."""
    started = []
    monkeypatch.setattr("bench.run.run", lambda config, *rest, **more: started.append(config) or 0)
    return started


def test_an_option_of_a_new_dataset_is_in_config_flags_help_and_listing(toy, configured, capsys, tmp_path):
    toml = tmp_path / "toy.toml"
    toml.write_text('[dataset]\nname = "toy"\nroot = "x"\nskip = "a"\n')
    config = load_config(str(toml))
    assert config.dataset.options == {"root": "x", "skip": ("a",)}
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
    assert run_app(["run", str(toml), "--margin", "5", "--option", "skip=b", "--option", "skip=c,d"]) == 0
    assert configured[0].dataset.options == {"root": "x", "margin": 5, "skip": ("b", "c,d")}
    assert run_app(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--margin" in shown and "toy: Pixels" in shown
    assert run_app(["datasets"]) == 0
    shown = capsys.readouterr().out
    assert "--margin INTEGER" in shown and "--option skip=TEXT" in shown and "Names to leave out." in shown


def test_an_option_of_a_new_dataset_reaches_its_loader(toy, parts, capsys):
    check = ["data", "check", parts["root"], "--dataset", "toy", "--option", "margin=3"]
    assert run_app([*check, "--option", "skip=a"]) == 0
    assert toy == [{"root": parts["root"], "margin": 3, "skip": ("a",)}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--margin", "-1"], "toy: margin = -1: Input should be greater than or equal to 0"),
        (["--option", "margin=x"], "toy: margin = 'x': Input should be a valid integer"),
        (["--option", "colour=red"], "dataset toy takes no option colour; it takes: root, margin, skip"),
        (["--option", "margin"], "--option margin: write NAME=VALUE"),
        (["--margin", "1", "--option", "margin=1"], "--option margin: given twice, also as --margin"),
        (["--threshold", "0.4"], "dataset toy takes no option threshold"),
    ],
)
def test_a_wrong_option_is_one_line(toy, configured, capsys, arguments, message):
    assert run_app(["run", "--dataset", "toy", "--root", "x", *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1


def test_a_missing_option_names_its_flag(capsys):
    assert run_app(["run", "--dataset", "folder"]) == 2
    assert "dataset folder needs the option root (--root)" in capsys.readouterr().err
    with pytest.raises(InputError, match="dataset nexperia needs the option root"):
        datasets.load_dataset("nexperia")


def test_flags_of_datasets_and_settings_do_not_collide():
    flags = [*config_flags(RunConfig), *dataset_flags()]
    names = [flag.name for flag in flags]
    assert len(set(names)) == len(names)
    hand_written = {"option", "weights", "models", "epochs", "track", "out", "cache"}
    assert not hand_written & set(names)
    assert all(flag.help.endswith((".", "...", ")")) for flag in flags), [flag.help for flag in flags]


def test_every_flag_of_before_is_there(capsys):
    assert run_app(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    before = (
        "dataset root positive threshold split seed backbone weights models grid folds epochs train-fraction "
        "tensorboard features preprocess sampling n label-noise difficulty repeats relabel device jobs track "
        "name out cache"
    )
    assert [name for name in before.split() if f"--{name} " not in shown] == []
    assert "--fill-missing-box" in shown


def test_flags_reach_their_place_in_the_configuration(configured):
    flags = {
        "--seed": "3", "--jobs": "2", "--split": "group", "--backbone": "resnet18,resnet34", "--grid": "full",
        "--features": "cnn2", "--epochs": "4", "--train-fraction": "0.5", "--preprocess": "none,II",
        "--weights": "random", "--models": "lda,cnn2", "--threshold": "0.4", "--name": "mine",
    }  # fmt: skip
    given = [part for pair in flags.items() for part in pair]
    assert run_app(["run", "elpv", *given, "--tensorboard"]) == 0
    (config,) = configured
    assert (config.seed, config.n_jobs, config.name, config.split.kind) == (3, 2, "mine", "group")
    assert config.features.backbones == ("resnet18", "resnet34") and config.features.fine_tuned == ("cnn2",)
    assert config.features.weights == ("random",) and config.cnn.weights == "random"
    assert config.classical.models == ("lda",) and config.cnn.models == ("cnn2",)
    assert config.cnn.params == {"epochs": 4} and config.cnn.tensorboard
    assert config.preprocess == ("none", "II") and config.dataset.options == {"threshold": 0.4}
    assert config.cnn.train_fraction == 0.5 and config.classical.grid == "full"


def test_lists_can_be_repeated_or_separated_by_commas(configured):
    assert run_app(["run", "--models", "lda", "--models", "svm, cnn2"]) == 0
    assert configured[0].classical.models == ("lda", "svm") and configured[0].cnn.models == ("cnn2",)


def test_a_repeated_option_takes_all_its_values():
    assert with_pairs({}, ["a-b=1", "c=x=y", "a-b=2"]) == {"a_b": ("1", "2"), "c": "x=y"}


def test_old_configurations_load():
    old = {
        "name": "elpv", "root": None, "positive": None, "threshold": None, "certainty_weights": None,
        "boxes": None, "fill_missing_boxes": None, "n": None, "data_seed": None, "difficulty": None,
        "label_noise": None,
    }  # fmt: skip
    assert RunConfig.model_validate({"dataset": old}).dataset == RunConfig().dataset
    chips = {**old, "name": "chips", "n": 80, "label_noise": 0.02}
    assert RunConfig.model_validate({"dataset": chips}).dataset.options == {"n": 80, "label_noise": 0.02}


def test_another_dataset_leaves_the_options_of_the_file_behind(configured):
    assert run_app(["run", "chips", "--dataset", "folder", "--root", "x"]) == 0
    assert configured[0].dataset.options == {"root": "x"}
    assert "n" in load_config("chips").dataset.model_extra


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["--positive", "a", "--positive", "b"], {"positive": ("a", "b")}),
        (["--positive", "a,b"], {"positive": "a,b"}),
        (["--positive", "a, b ", "--positive", "c "], {"positive": ("a, b ", "c ")}),
        (["--negative", "good"], {"negative": "good"}),
        (["--negative", "good", "--negative", "fine"], {"negative": ("good", "fine")}),
        (["--option", "positive=a", "--option", "positive=b"], {"positive": ("a", "b")}),
    ],
)
def test_classes_are_named_one_flag_each(configured, flags, options):
    assert run_app(["run", "--dataset", "folder", "--root", "x", *flags]) == 0
    assert configured[0].dataset.options == {"root": "x", **options}
    again = RunConfig.model_validate_json(configured[0].model_dump_json())
    assert again == configured[0]


def test_classes_in_a_file_are_literal_in_a_list_and_separated_in_a_string(tmp_path, write_image):
    for name in ("a", "b", "good"):
        write_image(f"root/{name}/0.png", np.zeros((9, 9), np.uint8))
    toml = tmp_path / "c.toml"
    for text, found in (('"a,b"', ("a", "b")), ('["a", "b"]', ("a", "b")), ('"b"', ("b",))):
        toml.write_text(f'[dataset]\nname = "folder"\nroot = "{tmp_path / "root"}"\npositive = {text}\n')
        config = load_config(str(toml))
        assert datasets.load_dataset("folder", **config.dataset.options).positive == found
    toml.write_text(f'[dataset]\nname = "folder"\nroot = "{tmp_path / "root"}"\npositive = ["a,b"]\n')
    with pytest.raises(InputError, match="no class 'a,b'"):
        datasets.load_dataset("folder", **load_config(str(toml)).dataset.options)

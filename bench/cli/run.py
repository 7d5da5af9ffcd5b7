"""`defectbench run`: the benchmark, with a flag for every setting that asks for one."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from bench.cli.options import (
    PANELS,
    OptionPairs,
    Strict,
    config_flags,
    dataset_flags,
    listed,
    nested,
    with_flags,
    with_pairs,
)  # fmt: skip
from features.errors import InputError

Source = Annotated[
    str | None,
    typer.Argument(
        metavar="[PRESET|CONFIG.toml]",
        help="What to run; by default elpv, or folder where a flag names another dataset.",
    ),
]
OUTPUT = "Output"
Weights = Annotated[
    list[str] | None,
    typer.Option(
        rich_help_panel=PANELS["features"],
        help="Weights of the backbones and of the networks to start from: imagenet, random or the "
        "file of a state dict. Comma-separated.",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        rich_help_panel=PANELS[""],
        help="Models, classical and networks; see `defectbench models`. Comma-separated.",
    ),
]
Epochs = Annotated[
    int | None, typer.Option(rich_help_panel=PANELS["cnn"], help="Number of epochs of every network.")
]
Out = Annotated[str, typer.Option(rich_help_panel=OUTPUT, help="Folder in which run folders are made.")]
Cache = Annotated[str | None, typer.Option(rich_help_panel=OUTPUT, help="Folder of cached embeddings.")]


def build_run() -> Callable[..., Any]:
    """Return the command's function with the flags of the configuration and of every dataset."""
    from bench.config import RunConfig

    flags = [flag for flag in config_flags(RunConfig) if flag.path[0] != "curve"] + dataset_flags()

    def run(
        source: Source = None,
        *,
        option: OptionPairs = None,
        weights: Weights = None,
        models: Models = None,
        epochs: Epochs = None,
        quick: Annotated[
            bool,
            typer.Option(
                "--quick",
                rich_help_panel=PANELS[""],
                help="A first answer in about five minutes: frozen embeddings, one network, small images.",
            ),
        ] = False,
        track: Annotated[
            str | None, typer.Option(rich_help_panel=OUTPUT, help="mlflow: log every row to MLflow.")
        ] = None,
        strict: Strict = False,
        out: Out = "runs",
        cache: Cache = None,
        **settings: Any,
    ) -> None:
        """Run the benchmark, or the part of it that is not done yet, and print the leaderboard."""
        from bench.config import load_config
        from bench.run import run as run_benchmark

        if track not in (None, "mlflow"):
            raise InputError(f"--track {track}: the only tracker is mlflow")
        overrides = overrides_of(nested(flags, settings), option, weights, models, epochs)
        config = load_config(source or preset_for(overrides["dataset"]), overrides, quick=quick)
        raise typer.Exit(run_benchmark(config, out, cache, track=track is not None, strict=strict))

    return with_flags(run, flags)


def overrides_of(
    overrides: dict[str, Any],
    option: list[str] | None,
    weights: list[str] | None,
    models: list[str] | None,
    epochs: int | None,
) -> dict[str, Any]:
    """Return the values of flags, nested like the configuration, with those of the flags shared by commands.

    Parameters
    ----------
    overrides : dict
        As `bench.cli.options.nested` returns them.
    option, weights, models, epochs
        What `--option`, `--weights`, `--models` and `--epochs` say.
    """
    overrides["dataset"] = with_pairs(overrides["dataset"], option)
    overrides["features"]["weights"] = listed(weights)
    overrides["cnn"] |= {"weights": _start(listed(weights)), "params": {"epochs": epochs}}
    overrides["detectors"] = {"params": {"epochs": epochs}}
    for kind, names in _by_kind(listed(models)).items():
        overrides[kind]["models"] = names
    return overrides


def preset_for(dataset: dict[str, Any]) -> str:
    """Return the preset for a dataset that the flags name: sizes follow from images that are not ELPV's."""
    return "elpv" if dataset.get("name") in (None, "elpv") else "folder"


def _start(weights: tuple[str, ...] | None) -> str | None:
    """Return what networks start from: the last weights named that are not random, else random ones."""
    named = [name for name in weights or () if name != "random"]
    return named[-1] if named else ("random" if weights else None)


def _by_kind(models: tuple[str, ...] | None) -> dict[str, tuple[str, ...]]:
    """Return the models of each kind; nothing when none are named."""
    if models is None:
        return {}
    from classifiers.detection import spec_of

    sections = {"cnn": "cnn", "detector": "detectors"}
    found: dict[str, list[str]] = {"classical": [], "cnn": [], "detectors": []}
    for name in models:
        found[sections.get(spec_of(name).kind, "classical")].append(name)
    return {section: tuple(names) for section, names in found.items()}

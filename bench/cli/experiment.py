"""`defectbench tune` and `defectbench ablate`: named experiments on one model."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.options import OptionPairs, with_pairs

if TYPE_CHECKING:
    from bench.config import RunConfig

Source = Annotated[str, typer.Option("--config", help="Preset or TOML file that names the images.")]
Epochs = Annotated[int | None, typer.Option(help="Epochs of each training.")]
Size = Annotated[int | None, typer.Option(help="Side that images are resized to, pixels.")]
Images = Annotated[int | None, typer.Option("--n", help="chips: Number of images to generate.")]
Out = Annotated[str, typer.Option(help="Folder that run folders are made in.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: defectbench tune simple_cnn --config chips --epochs 8")(tune)
    app.command(
        epilog="Example: defectbench ablate resnet18_fbp --factor sampling --values all,balanced,500B"
    )(ablate)


def tune(
    model: Annotated[str, typer.Argument(help="A network with dropout and two dense layers.")] = "simple_cnn",
    source: Source = "chips",
    epochs: Epochs = None,
    size: Size = None,
    n: Images = None,
    option: OptionPairs = None,
    out: Out = "runs",
) -> None:
    """Search a network's dropout, then the sizes of its dense layers, as the CNN report did."""
    from bench.experiments.tune import tune as run_tune

    _show(
        run_tune(_config(source, model, epochs, size, with_pairs({"n": n}, option)), model, out),
        f"tuning of {model}",
    )


def ablate(
    model: Annotated[str, typer.Argument(help="A model; see `models`.")],
    factor: Annotated[
        str, typer.Option(help="sampling, preprocess, weights, regularisation or a network's parameter.")
    ],
    values: Annotated[str, typer.Option(help="Comma-separated, or by ; when they contain commas.")] = "",
    source: Source = "chips",
    epochs: Epochs = None,
    size: Size = None,
    n: Images = None,
    option: OptionPairs = None,
    out: Out = "runs",
) -> None:
    """Try one factor's values over one model, everything else the same."""
    from bench.experiments.ablate import ablate as run_ablate

    listed = [part.strip() for part in values.split(";" if ";" in values else ",") if part.strip()]
    table = run_ablate(
        _config(source, model, epochs, size, with_pairs({"n": n}, option)), model, factor, listed, out
    )
    _show(table, f"{factor} of {model}")


def _config(
    source: str, model: str, epochs: int | None, size: int | None, dataset: dict[str, Any]
) -> "RunConfig":
    from bench.config import load_config

    changes = {"epochs": epochs, "size": size}
    return load_config(source, {"dataset": dataset, "cnn": {"of": {model: changes}}})


def _show(table: Any, title: str) -> None:
    from bench import console
    from results.status import Status
    from results.tables.formats import to_rich
    from results.tables.shown import plain

    left_out = ["tn", "fp", "fn", "tp", "roc_auc_low", "roc_auc_high"]
    console.out.print(to_rich(plain(table.drop(columns=left_out)), title))
    failed = sum(Status.of(status)[0] is Status.FAILED for status in table["status"])
    if failed:
        console.warn(f"{failed} settings failed")
        raise typer.Exit(1)

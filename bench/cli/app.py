"""The command line."""

import errno
from typing import Annotated, Any, Optional

import typer

from bench.cli import cache as cli_cache
from bench.cli import data as cli_data
from bench.cli import experiment as cli_experiment
from bench.cli import perf as cli_perf
from bench.cli import results as cli_results
from features.errors import InputError

app = typer.Typer(
    name="defectbench",
    help="Are ResNet embeddings plus a tuned classical classifier enough to find defective parts, or is "
    "an end-to-end CNN needed? Answers on your own images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

app.add_typer(cli_data.app, name="data")
app.add_typer(cli_perf.app, name="perf")
app.add_typer(cli_cache.app, name="cache")

Text = Optional[str]  # noqa: UP045  (typer reads it at run time)


@app.command(epilog="Example: defectbench run elpv   |   defectbench run --dataset folder --root parts/")
def run(
    source: Annotated[str, typer.Argument(metavar="[PRESET|CONFIG.toml]", help="What to run.")] = "elpv",
    dataset: Annotated[Text, typer.Option(help="Dataset; see `defectbench datasets`.")] = None,
    root: Annotated[Text, typer.Option(help="Folder of the dataset's files.")] = None,
    positive: Annotated[Text, typer.Option(help="Defective class or classes, comma-separated.")] = None,
    threshold: Annotated[
        Optional[float], typer.Option(help="elpv: probability above which a cell is defective.")  # noqa: UP045
    ] = None,
    split: Annotated[Text, typer.Option(help="stratified, group or official.")] = None,
    seed: Annotated[Optional[int], typer.Option(help="Seed of everything random.")] = None,  # noqa: UP045
    backbone: Annotated[
        Text, typer.Option(help="resnet18, resnet50, vgg16_bn, ...; comma-separated.")
    ] = None,
    weights: Annotated[
        Text, typer.Option(help="imagenet, random or a state dict's path; comma-separated.")
    ] = None,
    models: Annotated[Text, typer.Option(help="Models, comma-separated; see `models`.")] = None,
    grid: Annotated[Text, typer.Option(help="small or full.")] = None,
    folds: Annotated[Optional[int], typer.Option(help="Cross-validation folds.")] = None,  # noqa: UP045
    epochs: Annotated[Optional[int], typer.Option(help="Epochs of every network.")] = None,  # noqa: UP045
    train_fraction: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Share of train and valid that networks learn from; 1: both, after choosing."),
    ] = None,
    tensorboard: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option("--tensorboard", help="Write event files of the trainings."),
    ] = None,
    features: Annotated[
        Text, typer.Option(help="Networks whose trained penultimate layer feeds the classical models.")
    ] = None,
    preprocess: Annotated[
        Text, typer.Option(help="none, crop20, I, II, ...; comma-separated, each is tried.")
    ] = None,
    sampling: Annotated[
        Text, typer.Option(help="all, balanced, 2000B, 5000S; comma-separated, each is tried.")
    ] = None,
    n: Annotated[Optional[int], typer.Option(help="chips: photographs to generate.")] = None,  # noqa: UP045
    label_noise: Annotated[Optional[float], typer.Option(help="chips: share of wrong labels.")] = None,  # noqa: UP045
    difficulty: Annotated[Optional[float], typer.Option(help="chips: 1 as tuned.")] = None,  # noqa: UP045
    fill_missing_boxes: Annotated[
        Optional[bool], typer.Option(help="nexperia: give images without a box their class's median one.")  # noqa: UP045
    ] = None,
    repeats: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Do everything on so many splits, each by its own seed."),
    ] = None,
    relabel: Annotated[
        Text, typer.Option(help="CSV of corrected labels: image_id, new_label; see `audit`.")
    ] = None,
    device: Annotated[Text, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    jobs: Annotated[Optional[int], typer.Option(help="Processes for searches; -1: all cores.")] = None,  # noqa: UP045
    track: Annotated[Text, typer.Option(help="mlflow: log every row there.")] = None,
    name: Annotated[Text, typer.Option(help="Name of the run's folder.")] = None,
    out: Annotated[str, typer.Option(help="Folder that run folders are made in.")] = "runs",
    cache: Annotated[Text, typer.Option(help="Folder of cached embeddings.")] = None,
) -> None:
    """Run the benchmark, or what is missing of it, and print the leaderboard."""
    from bench.config import load_config
    from bench.run import run as run_benchmark

    if track not in (None, "mlflow"):
        raise InputError(f"--track {track}: mlflow is what there is")
    overrides: dict[str, Any] = {
        "name": name,
        "seed": seed,
        "device": device,
        "n_jobs": jobs,
        "repeats": repeats,
        "relabel": relabel,
        "preprocess": _listed(preprocess),
        "sampling": _listed(sampling),
        "dataset": {
            "name": dataset,
            "root": root,
            "positive": positive,
            "threshold": threshold,
            "n": n,
            "label_noise": label_noise,
            "difficulty": difficulty,
            "fill_missing_boxes": fill_missing_boxes,
        },
        "split": {"kind": split},
        "features": {
            "backbones": _listed(backbone),
            "weights": _listed(weights),
            "fine_tuned": _listed(features),
        },
        "classical": {"grid": grid, "folds": folds},
        "cnn": {
            "weights": _start(weights),
            "train_fraction": train_fraction,
            "tensorboard": tensorboard,
            "params": {"epochs": epochs},
        },
    }
    config = load_config(source, _with_models(overrides, models))
    raise typer.Exit(run_benchmark(config, out, cache, track=track is not None))


cli_results.register(app)
cli_experiment.register(app)


@app.command(epilog="Example: defectbench predict runs/chips --images new/ --out submission.csv")
def predict(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.")],
    images: Annotated[str, typer.Option(help="Folder of images to score.")],
    out: Annotated[str, typer.Option(help="CSV file to write.")],
    model: Annotated[str, typer.Option(help="best (by valid AUC), a model's name, or a job's id.")] = "best",
    layout: Annotated[Text, typer.Option(help="first (id,label) or second (id,defect_score).")] = None,
    positive: Annotated[str, typer.Option(help="Class the probability is of: bad or good.")] = "bad",
    sample: Annotated[Text, typer.Option(help="submission_sample.csv with ids and order.")] = None,
    cache: Annotated[Text, typer.Option(help="Folder of cached embeddings.")] = None,
) -> None:
    """Score images without labels with a saved model, in the contest's format."""
    from bench.console import say
    from bench.finished.predict import predict as score
    from bench.run_folder import RunFolder
    from features.store.store import open_store

    table = score(
        RunFolder.existing(run), open_store(cache), images, out,
        model=model, layout=layout, positive=positive, sample=sample,
    )  # fmt: skip
    say(f"{len(table)} images scored: {out}")


@app.command(epilog="Example: defectbench models")
def models() -> None:
    """List the models."""
    import classifiers
    from bench import console

    specs = [classifiers.get_spec(name) for name in classifiers.names()]
    console.out.print(_listing([(spec.name, spec.kind, spec.summary) for spec in specs]))


@app.command(epilog="Example: defectbench datasets")
def datasets() -> None:
    """List the datasets and their options."""
    from bench import console
    from features import datasets as registry

    specs = [registry.get_spec(name) for name in registry.names()]
    console.out.print(_listing([(s.name, ", ".join(s.options.model_fields), s.summary) for s in specs]))


def run_app(args: list[str] | None = None) -> int:
    """Run the command line and return its exit code; a user's mistake is one line on stderr."""
    from bench import console
    from results.errors import PredictionsError

    try:
        code = app(args=args, standalone_mode=False)
    except (InputError, PredictionsError) as error:
        return _fail(str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        return _fail(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}")
    except KeyboardInterrupt:
        console.err.print("interrupted; run the same command again to go on", style="yellow")
        return 130
    except Exception as error:
        # click's usage errors; its base class moves between typer's releases.
        if not hasattr(error, "format_message"):
            raise
        return _fail(error.format_message())
    return code if isinstance(code, int) else 0


def _fail(line: str) -> int:
    from bench import console

    one_line = " ".join(line.split())
    console.err.print(f"error: {one_line}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 2


def _listed(text: str | None) -> tuple[str, ...] | None:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else None


def _start(weights: str | None) -> str | None:
    """Networks start from the last weights named that are not random, else from random ones."""
    named = [name for name in _listed(weights) or () if name != "random"]
    return named[-1] if named else ("random" if weights else None)


def _with_models(overrides: dict[str, Any], models: str | None) -> dict[str, Any]:
    if models is None:
        return overrides
    import classifiers

    chosen = {"classical": [], "cnn": []}  # type: dict[str, list[str]]
    for name in _listed(models) or ():
        chosen[classifiers.get_spec(name).kind].append(name)
    for kind, names in chosen.items():
        overrides[kind]["models"] = tuple(names)
    return overrides


def _listing(rows: list[tuple[str, str, str]]):  # type: ignore[no-untyped-def]
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for row in rows:
        table.add_row(*row)
    return table

"""The command line."""

import errno
from typing import Annotated

import typer

from bench.cli import cache as cli_cache
from bench.cli import data as cli_data
from bench.cli import experiment as cli_experiment
from bench.cli import listings as cli_listings
from bench.cli import perf as cli_perf
from bench.cli import results as cli_results
from bench.cli.options import lazy_command
from bench.cli.run import build_run
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


@app.command(
    cls=lazy_command(build_run),
    epilog="Example: defectbench run elpv   |   defectbench run --dataset folder --root parts/",
)
def run() -> None:
    """Run the benchmark, or the part of it that is not done yet, and print the leaderboard."""


cli_results.register(app)
cli_experiment.register(app)


@app.command(epilog="Example: defectbench predict runs/chips --images new/ --out submission.csv")
def predict(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.")],
    images: Annotated[str, typer.Option(help="Folder of images to score.")],
    out: Annotated[str, typer.Option(help="CSV file to write.")],
    model: Annotated[str, typer.Option(help="best (by valid AUC), a model's name, or a job's id.")] = "best",
    layout: Annotated[str | None, typer.Option(help="first (id,label) or second (id,defect_score).")] = None,
    positive: Annotated[str, typer.Option(help="Class the probability is of: bad or good.")] = "bad",
    sample: Annotated[str | None, typer.Option(help="submission_sample.csv with ids and order.")] = None,
    cache: Annotated[str | None, typer.Option(help="Folder of cached embeddings.")] = None,
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


cli_listings.register(app)


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

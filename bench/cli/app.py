"""The command line."""

import errno

import typer

from bench.cli import cache as cli_cache
from bench.cli import data as cli_data
from bench.cli import experiment as cli_experiment
from bench.cli import explain as cli_explain
from bench.cli import listings as cli_listings
from bench.cli import perf as cli_perf
from bench.cli import predict as cli_predict
from bench.cli import results as cli_results
from bench.cli.curve import build_curve
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


@app.command(
    cls=lazy_command(build_curve),
    epilog="Example: defectbench curve elpv   |   defectbench curve chips --by defects --sizes 1,2,5,...,all",
)
def curve() -> None:
    """Measure learning curves: ROC AUC by labelled images, and where a network passes the heads."""


cli_results.register(app)
cli_experiment.register(app)
cli_predict.register(app)
cli_explain.register(app)
cli_listings.register(app)


def run_app(args: list[str] | None = None) -> int:
    """Run the command line and return its exit code; a user's mistake is one line on stderr."""
    from bench import console
    from results.errors import PredictionsError

    try:
        with console.tidy_warnings():
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

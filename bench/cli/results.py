"""`defectbench table`, `plot`, `best`: a run's results again, from its predictions alone."""

from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import Ignore, Strict, ignored_codes
from features.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from bench.run_folder import RunFolder

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.")]
Text = str | None

FORMATS = ("terminal", "csv", "markdown", "latex", "html")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: defectbench table runs/elpv --against published")(table)
    app.command(epilog="Example: defectbench plot runs/elpv")(plot)
    app.command(epilog="Example: defectbench report runs/elpv")(report)
    app.command(epilog="Example: defectbench audit runs/chips --network resnet18_fbp --folds 3")(audit)
    app.command(epilog="Example: defectbench export runs/elpv --to atlas --out atlas/")(export)
    app.command(epilog="Example: defectbench best runs/elpv --max-escape 0.005 --max-ms 2")(best)


def table(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs' folders.")],
    against: Annotated[Text, typer.Option(help="published: show published figures below.")] = None,
    sort: Annotated[
        str, typer.Option(help="Column, the better end first; -COLUMN turns it round.")
    ] = "roc_auc",
    format: Annotated[str, typer.Option(help=", ".join(FORMATS))] = "terminal",
    metric: Annotated[str, typer.Option(help="Figure to compare when several runs are given.")] = "roc_auc",
    calibrate: Annotated[
        Text, typer.Option(help="temperature, sigmoid or isotonic, fitted on the valid split.")
    ] = None,
    ignore: Ignore = None,
    strict: Strict = False,
) -> None:
    """Print a run's leaderboard, or one figure of several runs side by side."""
    if format not in FORMATS:
        raise InputError(f"format {format!r}: choose one of {', '.join(FORMATS)}")
    if against not in (None, "published"):
        raise InputError(f"--against {against}: the only choice is published")
    ignored = ignored_codes(ignore)
    if len(runs) > 1:
        _compare(runs, metric)
    else:
        _show(runs[0], sort, format, against == "published", calibrate)
    if calibrate is None:
        _check(runs, ignored, strict, quiet=len(runs) > 1 or format != "terminal")


def plot(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs' folders.")],
    out: Annotated[str, typer.Option(help="Where the figure of several runs goes.")] = "runs/compared",
) -> None:
    """Draw a run's figures again, or ranks over several datasets' runs with their critical difference."""
    from bench.console import say
    from bench.outputs.write import write_figures, write_ranks
    from bench.run_folder import RunFolder

    folders = [RunFolder.existing(run) for run in runs]
    for path in write_figures(folders[0]) if len(folders) == 1 else write_ranks(folders, out):
        say(path)


def report(
    run: Run,
    out: Annotated[Text, typer.Option(help="The HTML file; report.html in the run.")] = None,
    ignore: Ignore = None,
    strict: Strict = False,
) -> None:
    """Write a run's tables, figures and self-contained HTML report again; no model is loaded."""
    from bench.console import say
    from bench.outputs.report import write_report
    from bench.run_folder import RunFolder

    ignored = ignored_codes(ignore)
    say(str(write_report(RunFolder.existing(run), out, ignored)))
    _check([run], ignored, strict)


def audit(
    run: Run,
    network: Annotated[str, typer.Option(help="Train this network without each part in turn.")] = "",
    folds: Annotated[int, typer.Option(help="Number of parts; the network is trained once per part.")] = 3,
    show: Annotated[int, typer.Option(help="Suspects to print.")] = 20,
    cache: Annotated[Text, typer.Option(help="Folder of cached embeddings.")] = None,
) -> None:
    """Rank labels by how likely they are wrong; write tables/audit.csv to correct and --relabel."""
    from bench import console
    from bench.finished.audit import audit_run
    from bench.run_folder import RunFolder
    from features.store.store import open_store
    from results.tables.formats import to_rich
    from results.tables.shown import plain

    if folds < 2:
        raise InputError(f"--folds {folds}: two parts are needed at least")
    folder = RunFolder.existing(run)
    table = audit_run(folder, open_store(cache), network=network, folds=folds)
    columns = ["rank", "image_id", "named", "suspicion", "confidence", "neighbours", "novelty", "held_out"]
    shown = table[columns].head(show)
    console.out.print(to_rich(plain(shown), f"labels that may be wrong: {folder.tables / 'audit.csv'}"))


def export(
    run: Run,
    to: Annotated[str, typer.Option(help="atlas (Parquet for embedding-atlas) or projector (TensorBoard).")],
    out: Annotated[str, typer.Option(help="Folder to write to.")],
    cache: Annotated[Text, typer.Option(help="Folder of cached embeddings.")] = None,
) -> None:
    """Write embeddings, projections and scores for other tools."""
    from bench.console import say
    from bench.outputs.export import export_atlas, export_projector
    from bench.run_folder import RunFolder
    from features.store.store import open_store

    ways = {"atlas": export_atlas, "projector": export_projector}
    if to not in ways:
        raise InputError(f"--to {to}: choose atlas or projector")
    for path in ways[to](RunFolder.existing(run), open_store(cache), out):
        say(str(path))


def best(
    run: Run,
    max_escape: Annotated[float, typer.Option(help="Share of the defects that may escape.")],
    max_ms: Annotated[float, typer.Option(help="Milliseconds per image.")] = float("inf"),
    max_overkill: Annotated[float, typer.Option(help="Share of the good parts thrown away.")] = 1.0,
) -> None:
    """Name the model that throws the fewest good parts away within limits, chosen on the valid split."""
    from bench.console import say
    from bench.run_folder import RunFolder
    from results.tables.compare import choose

    for name, value in (("--max-escape", max_escape), ("--max-overkill", max_overkill)):
        if not 0 <= value <= 1:
            raise InputError(f"{name} {value:g}: give a share between 0 and 1")
    predictions = RunFolder.existing(run).predictions()
    say(choose(predictions, max_escape=max_escape, max_ms=max_ms, max_overkill=max_overkill).describe())


def _check(runs: list[str], ignored: tuple[str, ...], strict: bool, quiet: bool = False) -> None:
    """Print what the checks of runs have found; exit with 1 where that is an error and `strict` is set."""
    from bench.outputs.checks import show_checks
    from bench.run_folder import RunFolder

    folders = [RunFolder.existing(run) for run in runs]
    fails = [show_checks(folder, ignored, strict=strict, quiet=quiet) for folder in folders]
    if any(fails):
        raise typer.Exit(1)


def _show(run: str, sort: str, format: str, against: bool, calibrate: str | None) -> None:
    from bench import console
    from bench.outputs.remember import leaderboard_of
    from bench.run_folder import RunFolder
    from results.tables import formats
    from results.tables.shown import NOTHING_PUBLISHED, PUBLISHED_TITLE, plain, present, sort_by

    folder = RunFolder.existing(run)
    board = leaderboard_of(folder) if calibrate is None else _calibrated(folder, calibrate)
    board = sort_by(board, sort)
    known = False
    if against:
        from bench.outputs.write import published_for

        published, dataset = published_for(folder)
        known = len(published) > 0
    if format == "csv":
        typer.echo(formats.to_csv(board), nl=False)
    elif format == "terminal":
        console.out.print(formats.leaderboard_to_rich(board, run, console.out.width))
        if known:
            below = plain(published, titles=True)
            console.out.print(formats.to_rich(below, PUBLISHED_TITLE.format(dataset), quiet=True))
    else:
        write = formats.WRITERS[format]
        typer.echo(write(present(board)), nl=False)
        if known:
            title = PUBLISHED_TITLE.format(dataset)
            typer.echo(f"\n{title}\n\n{write(plain(published, titles=True))}", nl=False)
    if against and not known:
        console.warn(NOTHING_PUBLISHED.format(dataset))


def _calibrated(folder: "RunFolder", way: str) -> "pd.DataFrame":
    from results.blend import with_blend
    from results.calibrated import calibrated
    from results.leaderboard import leaderboard

    return leaderboard(with_blend(calibrated(folder.predictions(), way)), folder.statuses())


def _compare(runs: list[str], metric: str) -> None:
    from pathlib import Path

    from bench import console
    from bench.outputs.remember import leaderboard_of
    from bench.run_folder import RunFolder
    from results.tables.compare import side_by_side
    from results.tables.formats import to_rich
    from results.tables.shown import plain

    names = [Path(run).name for run in runs]
    names = names if len(set(names)) == len(names) else runs
    boards = {name: leaderboard_of(RunFolder.existing(run)) for name, run in zip(names, runs, strict=True)}
    console.out.print(to_rich(plain(side_by_side(boards, metric)), metric))

"""`defectbench predict`: score new images with a model of a finished run."""

from typing import Annotated

import typer

Run = Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: defectbench predict runs/chips --images new/ --out scores.csv")(predict)


def predict(
    run: Run,
    images: Annotated[
        list[str], typer.Option(help="Image file, or folder that is searched to any depth. Can be repeated.")
    ],
    out: Annotated[str, typer.Option(help="CSV file to write.")],
    model: Annotated[
        str, typer.Option(help="best (highest AUC on valid), the name of a model, or the id of a job.")
    ] = "best",
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with code 1 when an image cannot be read.")
    ] = False,
    layout: Annotated[
        str | None,
        typer.Option(help="Columns of a contest: first (id,label) or second (id,defect_score)."),
    ] = None,
    positive: Annotated[
        str, typer.Option(help="For a contest: the class that the number is the probability of, bad or good.")
    ] = "bad",
    sample: Annotated[
        str | None, typer.Option(help="For a contest: submission_sample.csv with the ids in order.")
    ] = None,
    cache: Annotated[str | None, typer.Option(help="Folder of cached embeddings.")] = None,
) -> None:
    """Score images without labels: score, probability, threshold and decision of each.

    Images that cannot be read are named and left out.
    """
    from bench.console import say, warn
    from bench.finished.predict import predict as score
    from bench.run_folder import RunFolder
    from features.store import open_store

    found = score(
        RunFolder.existing(run), open_store(cache), images, out,
        model=model, layout=layout, positive=positive, sample=sample,
    )  # fmt: skip
    for path, reason in found.unreadable:
        warn(f"not scored: {path}: {reason}")
    if found.unreadable:
        warn(f"{len(found.unreadable)} of {len(found.table) + len(found.unreadable)} files were not scored")
    say(f"{len(found.table)} images scored: {out}")
    if strict and found.unreadable:
        raise typer.Exit(1)

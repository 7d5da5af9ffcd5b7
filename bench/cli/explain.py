"""`defectbench explain`: where the models of a run look."""

from typing import Annotated

import typer

from bench.cli.cache import Cache
from bench.cli.predict import Run

Text = str | None


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: defectbench explain runs/chips --models resnet18_fbp --method layer_cam")(
        explain
    )


def explain(
    run: Run,
    models: Annotated[
        Text,
        typer.Option(
            help="Names of models or ids of jobs, comma-separated; by default the best network and the best "
            "head."
        ),
    ] = None,
    images: Annotated[
        Text,
        typer.Option(
            help="Ids of images, comma-separated; by default 16 test images: clear hits, escapes, overkills "
            "and correct good parts."
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="Of networks: grad_cam, hirescam, grad_cam_plus_plus, eigen_cam, layer_cam or occlusion. "
            "Heads get exact maps where they can, else occlusion."
        ),
    ] = "grad_cam",
    cache: Cache = None,
) -> None:
    """Draw heat maps of chosen models and images, and measure them where boxes or masks exist."""
    from bench.cli.options import listed
    from bench.console import say
    from bench.explain.command import explain_run, localisation_lines
    from bench.outputs.localisation import localisation_of
    from bench.outputs.write import write_tables
    from bench.run_folder import RunFolder
    from features.store import open_store

    folder = RunFolder.existing(run)
    written, jobs = explain_run(
        folder, open_store(cache), models=listed(models), images=listed(images), method=method
    )
    write_tables(folder)
    for line in localisation_lines(localisation_of(folder)):
        say(line)
    say(f"{len(written)} pictures of {len(jobs)} models: {folder.path / 'explain'}")

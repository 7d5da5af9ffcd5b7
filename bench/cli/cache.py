"""`defectbench cache`: list, verify and prune the embedding store."""

from functools import partial
from typing import Annotated

import typer

from features.errors import InputError

app = typer.Typer(no_args_is_help=True, help="List, verify and prune the cached embeddings.")
Text = str | None
Cache = Annotated[Text, typer.Option(help="Folder of cached embeddings.")]


@app.command("list", epilog="Example: defectbench cache list")
def list_(cache: Cache = None) -> None:
    """List what is stored: one row per backbone, weights and transform."""
    from rich.table import Table

    from bench import console
    from features.store.store import open_store

    store = open_store(cache)
    rich = Table(header_style="bold", title=str(store.root), title_justify="left")
    for name in ("Folder", "Backbone", "Weights", "Size", "Preprocess", "Precision", "Stored as"):
        rich.add_column(name, overflow="fold")
    for name in ("Images", "MB", "µs/image"):
        rich.add_column(name, justify="right")
    for each in store.collections():
        key, spec = each.key, each.key.transform
        each.warn = console.warn
        time = each.microseconds_per_image
        rich.add_row(
            each.path.name, key.backbone, key.weights, str(spec.get("size")), str(spec.get("preprocess")),
            key.precision, key.storage, f"{each.rows:,}", f"{each.size_bytes / 1e6:.1f}",
            f"{time:.0f}" if time == time else "",
        )  # fmt: skip
    console.out.print(rich)


@app.command(epilog="Example: defectbench cache verify")
def verify(cache: Cache = None) -> None:
    """Check every part against its checksum and set damaged ones aside; exit code 1 if there are any."""
    from bench.console import say, warn
    from features.store.store import open_store

    damaged: list[str] = []
    parts = 0
    for each in open_store(cache).collections():
        each.warn = damaged.append
        with each.lock(partial(warn, f"waiting for another process: {each.path}")):
            parts += len(each.parts())
    for line in damaged:
        warn(line)
    say(f"{parts} sound parts, {len(damaged)} damaged")
    raise typer.Exit(1 if damaged else 0)


@app.command(epilog="Example: defectbench cache prune --weights fine-tuned")
def prune(
    backbone: Annotated[Text, typer.Option(help="Remove the embeddings of this backbone.")] = None,
    weights: Annotated[Text, typer.Option(help="Remove the embeddings of these weights.")] = None,
    unused_days: Annotated[
        float | None,
        typer.Option(help="Remove what was not written to for this number of days."),
    ] = None,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Remove damaged parts that were set aside.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Remove everything.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be removed, and remove nothing.")
    ] = False,
    cache: Cache = None,
) -> None:
    """Remove the embeddings that meet all given conditions; they can be computed again."""
    from bench.console import say
    from features.store.store import open_store

    if not (backbone or weights or unused_days is not None or damaged or everything):
        raise InputError(
            "nothing named to prune: give --backbone, --weights, --unused-days, --damaged or --all"
        )
    freed = 0
    for each in open_store(cache).collections():
        if backbone not in (None, each.key.backbone) or weights not in (None, each.key.weights):
            continue
        if unused_days is not None and each.idle_days < unused_days:
            continue
        only_damaged = damaged and not everything
        size = each.damaged_bytes if only_damaged else each.folder_bytes
        if only_damaged and not size:
            continue
        freed += size
        say(f"{'would remove' if dry_run else 'removing'} {each.path}{'/damaged' if only_damaged else ''}")
        if not dry_run:
            each.remove(only_damaged=only_damaged)
    say(f"{freed / 1e6:.1f} MB {'would be freed' if dry_run else 'freed'}")

"""`defectbench data`: make generated chips, and check a folder of images."""

from typing import Annotated

import typer

from bench.console import err, out, say, task
from features.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Make generated images; check a folder of images.")
make = typer.Typer(no_args_is_help=True, help="Make generated images.")
app.add_typer(make, name="make")


@make.command(epilog="Example: defectbench data make chips --n 1000 --out chips/")
def chips(
    out: Annotated[str, typer.Option(help="Folder to make; must be new or empty.")],
    n: Annotated[int, typer.Option(help="Photographs in all.")] = 38_287,
    layout: Annotated[str, typer.Option(help="first (JPEG) or second (BMP) contest.")] = "second",
    seed: Annotated[int, typer.Option(help="Seed; with the index it decides each image.")] = 0,
    difficulty: Annotated[float, typer.Option(help="Divides the contrast of the defects.")] = 1.0,
    label_noise: Annotated[float, typer.Option(help="Share of training labels to turn around.")] = 0.0,
    workers: Annotated[int, typer.Option(help="Processes; 0: all cores.")] = 0,
) -> None:
    """Generate photographs of chips in tape pockets, exactly in Nexperia's layout."""
    from features.chips.writer import write_chips

    with task("drawing chips", n, "photographs") as update:
        folder = write_chips(
            out, n=n, seed=seed, layout=layout, difficulty=difficulty, label_noise=label_noise,
            workers=workers or None, progress=update,
        )  # fmt: skip
    say(f"{n} photographs in {folder}")


@make.command(epilog="Example: defectbench data make sheet --out chips.png")
def sheet(
    out: Annotated[str, typer.Option(help="PNG file to write.")],
    seed: Annotated[int, typer.Option(help="Seed of the generator.")] = 0,
    difficulty: Annotated[float, typer.Option(help="Divides the contrast of the defects.")] = 1.0,
) -> None:
    """Draw sixteen generated chips side by side: good ones and every kind of defect."""
    from PIL import Image

    from features.chips.sheet import contact_sheet
    from features.files import atomic_path

    pixels = contact_sheet(seed, difficulty=difficulty)
    with atomic_path(out) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", optimize=True)
    say(out)


@app.command(epilog="Example: defectbench data check parts/")
def check(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="A folder of images.")],
    dataset: Annotated[str, typer.Option(help="nexperia, elpv or folder; found out if not given.")] = "",
) -> None:
    """Look for what spoils a benchmark: damaged files, leaks between splits, wrong boxes, imbalance."""
    from features import datasets
    from features.datasets.check import check_dataset

    name = dataset or datasets.name_of(directory)
    loaded = _load(name, directory)
    with task("reading images", len(loaded.table) + len(loaded.unlabelled)) as update:
        report = check_dataset(loaded, update)
    say(f"{directory}: dataset {name}")
    for note in report.notes:
        say(note)
    out.print(_table(report.counts.assign(share=report.counts["share"].map("{:.1%}".format))))
    out.print(_table(report.sizes))
    _list("unreadable files", [f"{path}: {reason}" for path, reason in report.unreadable])
    _list("LEAKS (one image in two splits or with two labels)", report.leaks)
    _list("copies", report.copies)
    if not report.sound:
        err.print("mend the unreadable files and the leaks before you trust a benchmark", style="red")
        raise typer.Exit(1)
    say("sound: every image can be read, none is in two splits or has two labels")


def _load(name: str, directory: str):  # type: ignore[no-untyped-def]
    from features import datasets

    if name != "folder":
        return datasets.load_dataset(name, root=directory)
    try:
        return datasets.load_dataset(name, root=directory)
    except InputError as error:
        # A check does not need to know which class is defective.
        classes = str(error).rpartition("out of: ")[2].split(", ")
        if "--positive" not in str(error):
            raise
        return datasets.load_dataset(name, root=directory, positive=classes[-1])


def _list(title: str, lines: list[str], most: int = 50) -> None:
    if lines:
        say(f"{len(lines)} {title}:")
        for line in lines[:most]:
            say(f"  {line}")
        if len(lines) > most:
            say(f"  ... and {len(lines) - most} more")


def _table(frame):  # type: ignore[no-untyped-def]
    from rich.table import Table

    table = Table(*map(str, frame.columns))
    for row in frame.itertuples(index=False):
        table.add_row(*map(str, row))
    return table

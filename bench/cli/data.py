"""`defectbench data`: make generated chips, and check a folder of images."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.options import OptionPairs, dataset_flags, lazy_command, nested, with_flags, with_pairs
from bench.console import err, out, say, task, warn
from features.errors import UnknownPositive

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from features.datasets import ImageDataset

app = typer.Typer(no_args_is_help=True, help="Make generated images; check a folder of images.")
make = typer.Typer(no_args_is_help=True, help="Make generated images.")
app.add_typer(make, name="make")


@make.command(epilog="Example: defectbench data make chips --n 1000 --out chips/")
def chips(
    out: Annotated[str, typer.Option(help="Folder to write to; it must be new or empty.")],
    n: Annotated[int, typer.Option(help="Number of images.")] = 38_287,
    layout: Annotated[str, typer.Option(help="first (JPEG) or second (BMP) contest.")] = "second",
    seed: Annotated[int, typer.Option(help="Seed; an image depends on the seed and its index alone.")] = 0,
    difficulty: Annotated[float, typer.Option(help="Divisor of the contrast of the defects.")] = 1.0,
    label_noise: Annotated[
        float, typer.Option(help="Share of the training images that get a wrong label.")
    ] = 0.0,
    workers: Annotated[int, typer.Option(help="Number of processes; 0: one per core.")] = 0,
) -> None:
    """Generate images of chips in tape pockets, in the layout of Nexperia's files."""
    from features.chips.writer import write_chips

    with task("drawing chips", n, "images") as update:
        folder = write_chips(
            out, n=n, seed=seed, layout=layout, difficulty=difficulty, label_noise=label_noise,
            workers=workers or None, progress=update,
        )  # fmt: skip
    say(f"{n} images in {folder}")


@make.command(epilog="Example: defectbench data make sheet --out chips.png")
def sheet(
    out: Annotated[str, typer.Option(help="PNG file to write.")],
    seed: Annotated[int, typer.Option(help="Seed of the generator.")] = 0,
    difficulty: Annotated[float, typer.Option(help="Divisor of the contrast of the defects.")] = 1.0,
) -> None:
    """Draw sixteen generated chips side by side: good ones and every class of defect."""
    from PIL import Image

    from features.chips.sheet import contact_sheet
    from features.files import atomic_path

    pixels = contact_sheet(seed, difficulty=difficulty)
    with atomic_path(out) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", optimize=True)
    say(out)


def build_check() -> Callable[..., Any]:
    """Return the function of `data check` with the flags of every dataset."""
    flags = [flag for flag in dataset_flags() if flag.path[-1] != "root"]

    def check(
        directory: Annotated[str, typer.Argument(metavar="DIR", help="A folder of images.")],
        *,
        dataset: Annotated[
            str, typer.Option(help="nexperia, elpv or folder; by default found from the files.")
        ] = "",
        write_groups: Annotated[
            str, typer.Option(metavar="FILE.csv", help="Write the sets of near copies to a file for --group.")
        ] = "",
        option: OptionPairs = None,
        **settings: Any,
    ) -> None:
        """Look for what spoils a benchmark: damaged files, leaks between splits, wrong boxes, imbalance."""
        from features import datasets
        from features.datasets.check import check_dataset

        name = dataset or datasets.name_of(directory)
        options = with_pairs(nested(flags, settings).get("dataset", {}), option)
        loaded, named = _load(name, {**options, "root": directory})
        with task("reading images", len(loaded.table) + len(loaded.unlabelled)) as update:
            report = check_dataset(
                loaded,
                update,
                takes_group="group" in datasets.get_spec(name).options.model_fields,
                groups=datasets.get_spec(name).groups_name,
                groups_file=write_groups or "groups.csv",
            )
        say(f"{directory}: dataset {name}")
        for note in report.notes:
            say(note)
        counts = report.counts.assign(share=report.counts["share"].map("{:.1%}".format))
        out.print(_table(counts if named else counts.assign(defect="")))
        if not named:
            say("no class is named as defective; name it with --positive, or the good ones with --negative")
        say(describe_sizes(report.sizes))
        _list("unreadable files", [f"{path}: {reason}" for path, reason in report.unreadable])
        _list("LEAKS (one image in two splits or with two labels)", report.leaks)
        _list("copies", report.copies)
        for line in report.structure:
            warn(line)
        if report.groups is not None:
            _write_groups(report.groups, write_groups)
        if not report.sound:
            err.print("correct the unreadable files and the leaks before you trust a benchmark", style="red")
            raise typer.Exit(1)
        readable = "every image can be read, none is in two splits or has two labels"
        say(f"{readable}, but images belong together (above)" if report.structure else f"sound: {readable}")

    return with_flags(check, flags)


@app.command(
    cls=lazy_command(build_check), epilog="Example: defectbench data check parts/ --positive scratch"
)
def check() -> None:
    """Look for what spoils a benchmark: damaged files, leaks between splits, wrong boxes, imbalance."""


def describe_sizes(sizes: "pd.DataFrame") -> str:
    """Return one line that sums up the sizes of images.

    Parameters
    ----------
    sizes : DataFrame
        As in `features.datasets.check.Report.sizes`: `width`, `height`, `channels`, `images`.
    """
    if sizes.empty:
        return "sizes: no image can be read"
    by_size = sizes.groupby(["width", "height"])["images"].sum()
    width, height = by_size.index[int(by_size.to_numpy().argmax())]
    channels = sizes.groupby("channels")["images"].sum()
    kinds = {1: "grey", 3: "colour"}
    colours = ", ".join(
        f"{images:,} {kinds.get(count, f'of {count} channels')}"
        for count, images in zip(channels.index, channels, strict=True)
    )
    if len(by_size) == 1:
        return f"sizes: all images are {width} x {height} pixels ({colours})"
    low, high = sizes[["width", "height"]].min(), sizes[["width", "height"]].max()
    return (
        f"sizes: {len(by_size):,} different ones, width {low['width']} to {high['width']}, height "
        f"{low['height']} to {high['height']} pixels; most often {width} x {height} "
        f"({by_size.max():,} images) ({colours})"
    )


def _load(name: str, options: dict[str, Any]) -> tuple["ImageDataset", bool]:
    """Return a dataset, and whether its defective classes are known; a check does not need them."""
    from features import datasets

    try:
        return datasets.load_dataset(name, **options), True
    except UnknownPositive as error:
        if any(options.get(key) for key in ("positive", "negative")):
            raise
        return datasets.load_dataset(name, **{**options, "positive": error.classes}), False


def _write_groups(groups: "pd.DataFrame", path: str) -> None:
    from features.files import write_text

    if not path:
        say("--write-groups groups.csv writes the sets of near copies to that file")
        return
    write_text(path, groups.to_csv(index=False))
    say(f"{groups['group'].nunique()} sets of near copies in {path}")


def _list(title: str, lines: list[str], limit: int = 50) -> None:
    if lines:
        say(f"{len(lines)} {title}:")
        for line in lines[:limit]:
            say(f"  {line}")
        if len(lines) > limit:
            say(f"  ... and {len(lines) - limit} more")


def _table(frame: "pd.DataFrame") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(*map(str, frame.columns))
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(str(value)) for value in row))
    return table

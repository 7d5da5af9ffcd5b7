"""What every measurement prints and writes: a table, its CSV, a bar plot, the machine."""

import os
import platform
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from bench.console import out, say
from bench.outputs.write import write_figure
from features.files import write_text
from results.figures.base.bars import bars_figure


def show(
    table: pd.DataFrame,
    folder: str | Path,
    name: str,
    title: str,
    *,
    constant: dict[str, str] | None = None,
    **bars: Any,
) -> None:
    """Print the table, write `name.csv`, and `name.png` and `name.svg` as `bars_figure` draws them.

    `constant` holds columns for the figure that are the same for all rows.
    """
    folder = Path(folder)
    show_table(table, folder, name, title)
    write_figure(bars_figure(table.assign(**(constant or {})), title=title, **bars), folder, name)
    say(f"written: {folder / name}.csv, .png, .svg")


def show_table(table: pd.DataFrame, folder: Path, name: str, title: str) -> None:
    """Print the table and write `name.csv`."""
    out.print(_rich(table, f"{title}; {machine()}"))
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{name}.csv", table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def machine() -> str:
    """Return what was measured on, in a few words."""
    import torch

    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"{len(os.sched_getaffinity(0))} cores {platform.machine()}{gpu}, Python {platform.python_version()}"
    )


def _rich(table: pd.DataFrame, title: str) -> Table:
    rich = Table(title=title, title_justify="left", header_style="bold")
    for column in table:
        number = pd.api.types.is_numeric_dtype(table[column])
        rich.add_column(str(column), justify="right" if number else "left", overflow="fold")
    for row in table.itertuples(index=False):
        rich.add_row(*(_cell(value) for value in row))
    return rich


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)

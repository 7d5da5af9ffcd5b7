"""Tables and figures of a run, written from its predictions."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.outputs.cells import genotypes_of, searches_of
from bench.outputs.checks import write_checks
from bench.outputs.curve import curves_of, saved_curves
from bench.outputs.localisation import localisation_of, panels_of
from bench.run_folder import RunFolder
from features.files import atomic_path, write_text
from results import figures
from results.blend import with_blend
from results.cells import cells_table
from results.figures import RunView
from results.figures.critical_difference import critical_difference_figure, joined
from results.leaderboard import leaderboard
from results.published import published_table
from results.tables.attention import attention_table
from results.tables.detection import detection_table
from results.tables.formats import WRITERS, to_csv, to_markdown
from results.tables.localisation import over_repeats
from results.tables.per_class import per_class_table
from results.tables.repeats import ranks_over_datasets, repeats_table
from results.tables.shown import plain, present
from results.tables.side import cost_table, inspection_table

FORMATS = ("png", "svg")
_SUFFIXES = {"markdown": "md", "latex": "tex", "html": "html"}


def write_tables(folder: RunFolder) -> pd.DataFrame:
    """Write the leaderboard in every format, and the tables that go with it; return the leaderboard."""
    predictions = with_blend(folder.predictions())
    localisation = localisation_of(folder)
    table = leaderboard(predictions, folder.statuses(), localisation)
    write_text(folder.tables / "leaderboard.csv", to_csv(table))
    shown = present(table)
    for name, write in WRITERS.items():
        write_text(folder.tables / f"leaderboard.{_SUFFIXES[name]}", write(shown))
    published, _ = published_for(folder)
    curves = curves_of(folder).tables()
    repeats, share = _repeats_of(folder)
    places = pd.concat([localisation, *_further_localisation(folder)], ignore_index=True)
    further = {
        "published": published,
        "inspection": inspection_table(table),
        "cost": cost_table(table),
        "per_class": per_class_table(predictions),
        "clusters": folder.clusters(),
        "cells": cells_table(predictions, searches_of(folder)),
        "localisation": localisation,
        "localisation_repeats": over_repeats(places),
        "attention": attention_table(table if repeats.empty else repeats, places, share),
        "detection": detection_table(folder.boxes()),
        "repeats": repeats_table(repeats, share) if len(repeats) else repeats,
        **curves,
    }
    for name, frame in further.items():
        if len(frame):
            write_text(folder.tables / f"{name}.csv", to_csv(frame))
            write_text(folder.tables / f"{name}.md", to_markdown(plain(frame)))
        elif name in curves:
            # A crossing of an earlier call, with other models or sizes, is none of this one.
            for suffix in ("csv", "md"):
                (folder.tables / f"{name}.{suffix}").unlink(missing_ok=True)
    write_checks(folder, predictions, table)
    return table


def write_table_before(folder: RunFolder) -> pd.DataFrame:
    """Write the leaderboard on the test labels before `--relabel-test`; return it."""
    before = folder.read_split().set_index("image_id")[["label_before", "y_before"]]
    predictions = folder.predictions()
    test = predictions["split"] == "test"
    was = before.reindex(predictions["image_id"])
    predictions["y_true"] = np.where(test, was["y_before"], predictions["y_true"]).astype("int8")
    predictions["label"] = np.where(test, was["label_before"], predictions["label"].astype(str))
    table = leaderboard(with_blend(predictions), folder.statuses())
    write_text(folder.tables / "leaderboard_before_corrections.csv", to_csv(table))
    return table


def published_for(folder: RunFolder) -> tuple[pd.DataFrame, str]:
    """Return the published figures for a run's images, and what those images are called there."""
    name = folder.config().dataset.name
    if name == "nexperia":
        # The contests had images of their own: the first came as JPEG, the second as BMP.
        first = folder.read_split()["path"].str.lower().str.endswith((".jpg", ".jpeg")).mean() > 0.5
        name = "nexperia-1" if first else "nexperia-2"
    return published_table(name), name


def view_of(folder: RunFolder) -> RunView:
    """Return what a run has saved, as its figures take it."""
    predictions, images = with_blend(folder.predictions()), folder.read_split()
    repeats, share = _repeats_of(folder)
    truth = images[["image_id", "y"]].rename(columns={"y": "defect"})
    return RunView(
        predictions,
        leaderboard(predictions),
        folder.projections(),
        truth,
        repeats,
        share,
        genotypes_of(folder),
        searches_of(folder),
        *panels_of(folder),
        curves=saved_curves(folder),
        boxes=folder.boxes(),
    )


def _repeats_of(folder: RunFolder) -> tuple[pd.DataFrame, float]:
    """Return the leaderboard over repeated splits, empty for one split, and test images per train image."""
    folders = folder.repeats()
    if len(folders) < 2:
        return pd.DataFrame(), 0.0
    parts = [each.predictions().assign(repeat=number) for number, each in enumerate(folders)]
    board = leaderboard(with_blend(pd.concat(parts, ignore_index=True)))
    counts = folder.read_split()["split"].value_counts()
    return board, float(counts["test"] / counts["train"])


def _further_localisation(folder: RunFolder) -> list[pd.DataFrame]:
    """Return the tables of localisation of the other splits of a run."""
    others = enumerate(folder.repeats()[1:], start=1)
    return [localisation_of(each).assign(repeat=number) for number, each in others]


def write_figures(folder: RunFolder) -> list[str]:
    """Write every figure that the run's files allow; return their paths."""
    if folder.predictions().empty:
        return []
    view, written = view_of(folder), []
    for name in figures.names():
        figure = figures.get_figure(name).draw(view)
        if figure is not None:
            written += write_figure(figure, folder.figures, name)
    return written


def write_ranks(folders: list[RunFolder], out: str | Path) -> list[str]:
    """Write the critical-difference diagram over several datasets, one run each; return its paths.

    Raises
    ------
    PredictionsError
        For fewer than three datasets or models that all of them have, or two runs of one dataset.
    """
    boards = {str(folder.path): leaderboard(folder.predictions()) for folder in folders}
    splits = {str(folder.path): folder.read_split() for folder in folders}
    contents = {name: set(images["content"]) for name, images in splits.items() if "content" in images}
    ranks, alike, p = ranks_over_datasets(boards, contents=contents)
    title = (
        f"mean rank by ROC AUC over {len(boards)} datasets (Friedman p = {p:.2g}); joined: Nemenyi's test "
        "sees no difference"
    )
    figure = critical_difference_figure(ranks, joined(list(ranks.index), alike), title)
    return write_figure(figure, Path(out), "critical_difference")


def write_figure(figure: Figure, folder: Path, name: str) -> list[str]:
    """Write a figure as PNG and SVG; return their paths."""
    written = []
    for suffix in FORMATS:
        path = folder / f"{name}.{suffix}"
        with atomic_path(path) as temporary:
            temporary.write_bytes(figures.render(figure, suffix))
        written.append(str(path))
    return written

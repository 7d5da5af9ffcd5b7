"""`defectbench report`: every table, figure and the HTML page of a run again, no model loaded."""

import json
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from bench.console import task
from bench.outputs.checks import read_checks
from bench.outputs.curve import saved_curves
from bench.outputs.gallery import BUDGET, gallery_of
from bench.outputs.localisation import read_attention, read_localisation
from bench.outputs.sprites import BUDGET_BYTES, make_sprites
from bench.outputs.suspects import best_audit, name_labels
from bench.outputs.write import published_for, write_figures, write_tables
from bench.run_folder import RunFolder
from features.errors import InputError
from features.files import write_text
from features.tables import read_saved
from results import figures
from results.checks import without
from results.report import Explorer, Provenance, Sprites, build_page

MOST_SUSPECTS = 60
#: Of the page, so that it opens in any browser and can be sent by mail.
MOST_BYTES = 14_800_000
#: Characters that heat maps may take however full the page is.
_LEAST = 200_000
_FURTHER = {
    "curve_bands": "Learning curves: median and 95% band of the draws",
    "crossing": "Crossing of the learning curves",
    "extrapolation": "Extrapolation of the learning curves (not measured)",
    "cells": "DARTS cells: searched and given ones beside random ones",
    "inspection": "Inspection: escapes and overkill",
    "cost": "Cost of each model",
    "per_class": "Each class",
    "detection": "Detectors: mean average precision, and recall of proposals",
    "repeats": "Repeated splits (corrected resampled t-test)",
    "localisation_repeats": "Localisation over repeated splits",
    "clusters": "Clusters of the embeddings against the labels",
}


def write_report(folder: RunFolder, out: str | Path | None = None, ignored: Collection[str] = ()) -> Path:
    """Write the tables, the figures and `report.html` from the run's files; return the page's path.

    Parameters
    ----------
    folder : RunFolder
        A run. A run that has not ended gives a report of what is done.
    out : str or Path, optional
        The page; `report.html` in the run's folder by default.
    ignored : collection of str
        Codes of checks to leave out, besides those that the run's configuration names.

    Raises
    ------
    InputError
        When nothing has been scored yet.
    """
    if folder.predictions().empty:
        raise InputError(f"{folder.path}: nothing has been scored yet; finish the run first")
    write_tables(folder)
    return draw_report(folder, out, ignored)


def draw_report(folder: RunFolder, out: str | Path | None = None, ignored: Collection[str] = ()) -> Path:
    """Write the figures and `report.html` of a run whose tables are written; see `write_report`."""
    write_figures(folder)
    predictions, images = folder.predictions(), folder.read_split()
    explorer = Explorer(images[["image_id", "label", "y", "split"]], folder.projections())
    page = build_page(predictions, folder.statuses(), explorer, _provenance(folder, images, ignored))
    # Pictures are base64 in the page: four characters for three bytes.
    left = MOST_BYTES - page.bytes
    gallery = gallery_of(folder, images, max(min(BUDGET, left // 2), _LEAST))
    left = MOST_BYTES - len(page.html(gallery=gallery).encode())
    sprites = _thumbnails(images, min(BUDGET_BYTES, left * 3 // 4))
    path = Path(out) if out is not None else folder.path / "report.html"
    write_text(path, page.html(sprites, gallery))
    return path


def _thumbnails(images: pd.DataFrame, budget_bytes: int) -> Sprites | None:
    """Return thumbnails; None when images are no longer where they were, or the page has no room for them."""
    paths = images["path"].tolist()
    if budget_bytes <= 0 or not all(Path(path).is_file() for path in paths):
        return None
    with task("drawing thumbnails", len(paths)) as update:
        sprites = make_sprites(paths, update, budget_bytes)
    return sprites if sum(map(len, sprites.sheets)) <= budget_bytes else None


def _provenance(folder: RunFolder, images: pd.DataFrame, ignored: Collection[str]) -> Provenance:
    config = folder.config()
    environment = json.loads((folder.path / "environment.json").read_text())
    published, dataset = published_for(folder)
    counts = images["split"].value_counts()
    facts = {
        "Run": config.name,
        "Dataset": ", ".join([config.dataset.name, *(f"{k} {v}" for k, v in config.dataset.options.items())]),
        "Split": f"{config.split_name}, {' / '.join(f'{size:g}' for size in config.split.sizes)}",
        "Seed": str(environment["seed"]),
        "Commit": environment["commit"],
        "Machine": f"{environment['platform']}, {environment['cores']} cores, Python {environment['python']}",
        "Libraries": ", ".join(f"{k} {v}" for k, v in environment["libraries"].items() if v),
    }
    parts = ", ".join(f"{counts.get(name, 0):,} {name}" for name in ("train", "valid", "test"))
    return Provenance(
        title=f"defectbench: {config.name}",
        opening=saved_curves(folder).words,
        counts=f"{len(images):,} images of {config.dataset.name}, {int(images['y'].sum()):,} with a defect; "
        f"split {config.split_name}: {parts}.",
        credit=environment.get("credit", ""),
        facts=facts,
        published=published,
        dataset=dataset,
        tables={title: _table(folder, name) for name, title in _FURTHER.items()},
        audit=_suspects(folder, images),
        figures=_figures(folder),
        localisation=read_localisation(folder.tables / "localisation.csv"),
        attention=read_attention(folder.tables / "attention.csv"),
        checks=without(read_checks(folder), {*config.checks.ignore, *ignored}),
    )


def _figures(folder: RunFolder) -> dict[str, bytes]:
    """Return the figures that the report shows as pictures, by their titles."""
    shown = [figures.get_figure(name) for name in figures.names()]
    paths = {figure.title: folder.figures / f"{figure.name}.png" for figure in shown if figure.in_report}
    return {title: path.read_bytes() for title, path in paths.items() if path.is_file()}


def _table(folder: RunFolder, name: str) -> pd.DataFrame:
    path = folder.tables / f"{name}.csv"
    return read_saved(path) if path.is_file() else pd.DataFrame()


def _suspects(folder: RunFolder, images: pd.DataFrame) -> pd.DataFrame:
    """Return the most suspect labels: of `defectbench audit` where it was run, else of the run itself."""
    by_hand = folder.tables / "audit.csv"
    if by_hand.is_file():
        return read_saved(by_hand).head(MOST_SUSPECTS)
    job = best_audit(folder)
    if job is None:
        return pd.DataFrame()
    audit = pd.read_parquet(folder.audit_path(job.id)).head(MOST_SUSPECTS)
    return name_labels(audit, images)

"""Tables and figures of a run, written from its predictions."""

import pandas as pd
from matplotlib.figure import Figure

from bench.run_folder import RunFolder
from features.files import atomic_path, write_text
from results.blend import with_blend
from results.figures import embeddings_figure, render, roc_figure
from results.leaderboard import leaderboard
from results.published import published_table
from results.tables import to_csv, to_html, to_latex, to_markdown

FORMATS = ("png", "svg")
_TABLES = {"csv": to_csv, "md": to_markdown, "tex": to_latex, "html": to_html}


def write_tables(folder: RunFolder) -> pd.DataFrame:
    """Write the leaderboard in every format, and the published figures beside it; return it."""
    table = leaderboard(with_blend(folder.predictions()), folder.statuses())
    for suffix, write in _TABLES.items():
        write_text(folder.tables / f"leaderboard.{suffix}", write(table))
    published, _ = published_for(folder)
    if len(published):
        write_text(folder.tables / "published.csv", published.to_csv(index=False, lineterminator="\n"))
    return table


def published_for(folder: RunFolder) -> tuple[pd.DataFrame, str]:
    """Return the published figures for a run's images, and what those images are called there."""
    name = folder.config().dataset.name
    if name == "nexperia":
        # The contests had images of their own: the first came as JPEG, the second as BMP.
        first = folder.read_split()["path"].str.lower().str.endswith((".jpg", ".jpeg")).mean() > 0.5
        name = "nexperia-1" if first else "nexperia-2"
    return published_table(name), name


def write_figures(folder: RunFolder) -> list[str]:
    """Write every figure that the run's files allow; return their paths."""
    predictions, projections = with_blend(folder.predictions()), folder.projections()
    figures: dict[str, Figure] = {}
    if len(predictions):
        figures["roc"] = roc_figure(predictions)
    if len(projections):
        truth = folder.read_split()[["image_id", "y"]].rename(columns={"y": "defect"})
        figures["embeddings"] = embeddings_figure(projections, truth, predictions)
    written = []
    for name, figure in figures.items():
        for suffix in FORMATS:
            path = folder.figures / f"{name}.{suffix}"
            with atomic_path(path) as temporary:
                temporary.write_bytes(render(figure, suffix))
            written.append(str(path))
    return written

"""Tables and figures of a run, written from its predictions."""

import pandas as pd
from matplotlib.figure import Figure

from bench.run_folder import RunFolder
from features.files import atomic_path, write_text
from results.figures import embeddings_figure, render, roc_figure
from results.leaderboard import leaderboard
from results.tables import to_csv, to_markdown

FORMATS = ("png", "svg")


def write_tables(folder: RunFolder) -> pd.DataFrame:
    """Write the leaderboard as CSV and Markdown; return it."""
    table = leaderboard(folder.predictions(), folder.statuses())
    write_text(folder.tables / "leaderboard.csv", to_csv(table))
    write_text(folder.tables / "leaderboard.md", to_markdown(table))
    return table


def write_figures(folder: RunFolder) -> list[str]:
    """Write every figure that the run's files allow; return their paths."""
    predictions, projections = folder.predictions(), folder.projections()
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

"""The table of localisation in the report, with a sentence on each column."""

import html

import pandas as pd

from results.columns import Column, get_column
from results.metrics import localisation
from results.metrics.localisation.baselines import MEANINGS
from results.predictions import ROW_KEY
from results.tables.formats import to_html
from results.tables.localisation import ALL, BASELINE, PRO
from results.tables.shown import Shown

_SHOWN_ALWAYS = ("model", "features", "weights")
_MEANINGS = {
    "model": "The model, or a guess that knows no image and shows what a figure is worth.",
    "features": "What the model learns from: embeddings of a backbone, or the images end to end.",
    "weights": "Where the weights of the backbone or the network came from.",
    "preprocess": "What is done to an image before the model sees it.",
    "split_kind": "How the images were split.",
    "sampling": "Which images trained the model.",
    "repeat": "Number of the split.",
}
_COLUMNS = {
    "method": (
        Column("method", "Method", "text"),
        "How the maps were made; exact: the part of a linear head's score that each cell of the image gives.",
    ),
    "label": (Column("label", "Class", "text"), "Class of the defects that are measured."),
    "n": (Column("n", "n", "count"), "Defective test images with a box or a mask: those that are measured."),
    "removed": (
        Column("removed", "Removed", "count"),
        "Defective test images whose boxes the preprocessing cuts off; they are not measured.",
    ),
    "without_region": (
        Column("without_region", "No box", "count"),
        "Defective test images without a box or a mask; they are not measured.",
    ),
    "without_evidence": (
        Column("without_evidence", "No evidence", "count"),
        "Defective test images whose map has no evidence for a defect; their energy in the box counts as 0.",
    ),
    "good": (Column("good", "Good", "count"), "Good test images."),
    "threshold": (
        Column("threshold", "Threshold", digits=2),
        "Share of the largest heat from which a pixel counts for the IoU, chosen on the valid split.",
    ),
    PRO: (
        Column(PRO, "Per-region overlap", digits=3),
        "Area under the curve of the mean overlap with the masks against the share of false positive pixels "
        "up to 30%: 1 is perfect, 0.15 is a uniform map.",
    ),
}


def localisation_html(table: pd.DataFrame) -> str:
    """Return the table of localisation as HTML: all defects, each class, and what the columns mean.

    Parameters
    ----------
    table : DataFrame
        As `results.tables.localisation.localisation_table`; may be empty.
    """
    if table.empty:
        return ""
    described = _described(table)
    whole = table[table["label"] == ALL]
    classes = table[table["label"] != ALL]
    meanings = "".join(
        f"<dt>{html.escape(column.title)}</dt><dd>{html.escape(meaning)}</dd>"
        for column, meaning in described
    )
    guesses = [name for name in MEANINGS if (table["model"] == name).any()]
    rows = "".join(
        f"<dt>{html.escape(name.capitalize())}</dt><dd>{html.escape(MEANINGS[name])}</dd>" for name in guesses
    )
    return (
        "<h3>Localisation: is the evidence where the defect is?</h3>"
        "<p class='note'>Test images, with 95% intervals (bootstrap over images). The last rows are guesses "
        "that know no image; a model that looks at the defects is better than all of them.</p>"
        + _scrolling("Localisation, all defects", whole, described)
        + "<details open><summary>What the columns mean</summary>"
        + f"<dl class='meanings'>{meanings}{rows}</dl></details>"
        + (
            "<details><summary>Localisation of each class</summary>"
            + _scrolling("Localisation of each class", classes, described)
            + "</details>"
            if len(classes)
            else ""
        )
    )


def _described(table: pd.DataFrame) -> list[tuple[Column, str]]:
    """Return the columns that say something, each with its sentence."""
    own = table[table["method"] != BASELINE]
    found = [
        (get_column(name), _MEANINGS[name])
        for name in ROW_KEY
        if name in _SHOWN_ALWAYS or own[name].astype(str).nunique() > 1
    ]
    metrics = {}
    for name in localisation.names():
        metric = localisation.get_metric(name)
        column = Column(
            name, metric.title, metric.unit, metric.digits, metric.higher_is_better, interval=True
        )
        metrics[name] = (column, metric.meaning)
    last = {PRO: _COLUMNS[PRO]}
    first = {name: each for name, each in _COLUMNS.items() if name != PRO}
    for name, (column, meaning) in {**first, **metrics, **last}.items():
        if name in table and table[name].notna().any():
            found.append((column, meaning))
    return found


def _scrolling(title: str, table: pd.DataFrame, described: list[tuple[Column, str]]) -> str:
    columns = [column for column, _ in described]
    rows = [[_cell(record, column) for column in columns] for record in table.to_dict("records")]
    shown = Shown(
        [column.title for column in columns],
        rows,
        [column.is_text for column in columns],
        [False] * len(rows),
    )
    name = html.escape(title)
    return f"<div class='wide' tabindex='0' role='region' aria-label='{name}'>{to_html(shown)}</div>"


def _cell(record: dict[object, object], column: Column) -> str:
    cell = column.show(record[column.name])
    low, high = (record.get(bound) for bound in column.bounds)
    if not cell or low is None or high is None or pd.isna(low) or pd.isna(high):  # type: ignore[call-overload]
        return cell
    return f"{cell} [{column.show(low)}, {column.show(high)}]"

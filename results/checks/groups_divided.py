"""Groups of images that a split divides."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from results.blend import MODEL as BLEND
from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity
from results.columns import RANKING
from results.status import Status

#: What makes a row under another split the same row.
_SAME = ["model", "features", "weights", "preprocess", "sampling"]


def _find(data: RunData) -> Iterator[Finding]:
    if data.split_kind != "stratified":
        return
    structure = data.structure
    seen = structure.get("group") is not None
    divided = _divided(data.images)
    if not seen and not divided:
        return
    figures: dict[str, float] = {}
    words = [
        f"{divided} groups are divided between splits" if divided else "images come in groups that look alike"
    ]
    if seen and divided:
        words = [f"images come in groups that look alike, and {divided} groups are divided between splits"]
    figures["groups_divided"] = divided
    if structure.get("auc_parted") is not None and structure.get("auc_whole") is not None:
        figures |= {name: float(structure[name]) for name in ("auc_parted", "auc_whole")}
        words.append(
            f"a quick classifier reaches a ROC AUC of {structure['auc_parted']:.3f} with groups divided and "
            f"{structure['auc_whole']:.3f} with groups kept whole"
        )
    for name, board in data.beside.items():
        words += _gap(name, data.finished, board, figures)
    yield Finding("; ".join(words), figures, None if seen else Severity.INFO)


def _divided(images: pd.DataFrame) -> int:
    """Return how many groups of several images have images in more than one split."""
    if "group" not in images:
        return 0
    known = images[images["group"].notna() & (images["group"].astype(str) != "")]
    return int((known.groupby("group", observed=True)["split"].nunique() > 1).sum())


def _gap(name: str, own: pd.DataFrame, other: pd.DataFrame, figures: dict[str, float]) -> list[str]:
    """Return what the figures lose in a run with whole groups, over the rows of both runs."""
    done = other[(other["status"] == Status.OK) & (other["model"] != BLEND)]
    theirs = {_key(row): row[RANKING] for row in done.to_dict("records")}
    gaps = [
        float(row[RANKING]) - float(theirs[_key(row)])
        for row in own.to_dict("records")
        if _key(row) in theirs
    ]
    gaps = [gap for gap in gaps if np.isfinite(gap)]
    if not gaps:
        return []
    middle = float(np.median(gaps))
    figures[f"gap_to_{name}"] = middle
    rows = "1 row" if len(gaps) == 1 else f"{len(gaps)} rows"
    way = "lower" if middle >= 0 else "higher"
    return [
        f"in run {name} with whole groups the ROC AUC is {abs(middle):.3f} {way} (median of {rows}, "
        f"{min(gaps):+.3f} to {max(gaps):+.3f})"
    ]


def _key(row: Mapping[Any, Any]) -> tuple[str, ...]:
    # Weights of one name may carry a hash behind it.
    return tuple(
        str(row[column]).split(" (")[0] if column == "weights" else str(row[column]) for column in _SAME
    )


CHECK = Check(
    "DB103",
    "groups_divided",
    Severity.WARNING,
    "the split is stratified and the dataset names groups, or file names and images suggest some",
    "Neighbours look alike, so a split through groups rewards recognising the group. Figures for new groups "
    "will be lower.",
    "Run again with --split group under another --name; this check then shows the difference.",
    _find,
    uses=("structure",),
)

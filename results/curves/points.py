"""The points of a learning curve: what one model, fitted on one subset, said of the test images."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from results.feature_set import END_TO_END, FeatureSet
from results.metrics import Scored, get_metric
from results.predictions import Row

HEAD, NETWORK = "head", "network"
#: What names a row of the curve.
ROW = ["model", "features", "weights", "split_kind", "preprocess", "sampling"]
_NUMBERS = ["size", "draw", "train", "valid", "train_defects", "valid_defects", "seconds"]
_COUNTS = _NUMBERS[:-1]
#: Measured on the test split; `overkill` and `escape` at the threshold of the valid images.
METRICS = ["roc_auc", "average_precision", "overkill", "escape"]
_IMAGES = ["image_id", "split", "y_true", "score", "score_kind", "group"]


@dataclass(frozen=True, eq=False)
class Point:
    """One model, fitted on one subset.

    Parameters
    ----------
    row : mapping of str to str
        The columns `ROW`.
    numbers : mapping of str to float
        `size` asked for and `draw`; images used of the splits `train` and `valid`, and the defects among
        them; `seconds` for the search and the fit.
    settings : str
        How the parameters were chosen.
    images : DataFrame
        Columns `image_id`, `split` (valid or test), `y_true`, `score`, `score_kind` and `group` (empty where
        an image stands alone), a row per image.
    """

    row: Mapping[str, str]
    numbers: Mapping[str, float]
    settings: str
    images: pd.DataFrame

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> "Point":
        """Return a point from what `to_frame` made of it."""
        first = frame.iloc[0]
        numbers = {name: float(first[name]) for name in _NUMBERS}
        return cls({name: str(first[name]) for name in ROW}, numbers, str(first["settings"]), frame[_IMAGES])

    def to_frame(self) -> pd.DataFrame:
        """Return the point as one table for Parquet, a row per image."""
        counts = {name: int(self.numbers[name]) for name in _COUNTS}
        constants: dict[str, Any] = {
            **{name: self.row[name] for name in ROW},
            **counts,
            "seconds": float(self.numbers["seconds"]),
            "settings": self.settings,
        }
        return self.images[_IMAGES].reset_index(drop=True).assign(**constants)

    @property
    def kind(self) -> str:
        """`head` or `network`."""
        return NETWORK if self.row["features"] == END_TO_END else HEAD

    @property
    def words(self) -> str:
        """Name of the row."""
        return row_words(self.row)

    @property
    def size(self) -> int:
        """The size asked for."""
        return int(self.numbers["size"])

    @property
    def draw(self) -> int:
        """Number of the draw."""
        return int(self.numbers["draw"])

    @property
    def tested(self) -> dict[str, int]:
        """Labels of the test images by their ids."""
        rows = self.images[self.images["split"] == "test"]
        return dict(zip(rows["image_id"].astype(str), rows["y_true"].astype(int), strict=True))

    @cached_property
    def scored(self) -> Scored:
        """The scores as the metrics take them; test images in the order of their ids."""
        row = Row({}, self.images)
        return Scored(
            *row.part("valid"),
            *row.part("test"),
            score_kind=str(row.constant("score_kind")),
            groups_test=row.groups("test"),
        )

    def record(self) -> dict[str, object]:
        """Return the point as a row of `curve.csv`."""
        measured = {name: get_metric(name).compute(self.scored) for name in METRICS}
        counts = {name: int(self.numbers[name]) for name in _COUNTS}
        used = {
            "labels_used": counts["train"] + counts["valid"],
            "defects_used": counts["train_defects"] + counts["valid_defects"],
        }
        return {
            "row": self.words, "kind": self.kind, **self.row, **counts, **used, **measured,
            "valid_auc": self.scored.valid_auc, "seconds": self.numbers["seconds"],
            "settings": self.settings, "status": "ok",
        }  # fmt: skip


def row_words(row: Mapping[str, object]) -> str:
    """Return the name of a row: the model, on which embeddings, and what else is not usual."""
    words = str(row["model"])
    if row["features"] != END_TO_END:
        words += f" on {FeatureSet.of(row).title}"
    elif row["preprocess"] != "none":
        words += f", {row['preprocess']}"
    return words if row["sampling"] == "all" else f"{words}, {row['sampling']}"


def points_table(points: Iterable[Point]) -> pd.DataFrame:
    """Return all points, measured: `tables/curve.csv`, by row, size and draw."""
    table = pd.DataFrame([point.record() for point in points])
    return table.sort_values(["kind", "row", "size", "draw"], ignore_index=True) if len(table) else table

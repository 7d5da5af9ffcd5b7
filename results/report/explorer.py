"""The embedding explorer: its images, projections, thumbnails, and what each model makes of an image."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from results.feature_set import NETWORKS, FeatureSet
from results.leaderboard import scored
from results.predictions import FEATURE_SET, rows_of

_GRID = 65_535


@dataclass(frozen=True)
class Sprites:
    """Thumbnails of all images, in sheets.

    Parameters
    ----------
    side : int
        Of a thumbnail, pixels.
    columns, per_sheet : int
        Thumbnails in a line, and in a sheet.
    sheets : sequence of bytes
        JPEG files, in the order of the images.
    """

    side: int
    columns: int
    per_sheet: int
    sheets: Sequence[bytes]


@dataclass(frozen=True, eq=False)
class Explorer:
    """What the embedding explorer shows.

    Parameters
    ----------
    images : DataFrame
        One row per image: `image_id`, `label`, `y` and `split`.
    projections : DataFrame
        Columns `features`, `weights`, `preprocess`, `projection`, `image_id`, `x`, `y`; may be empty.
    sprites : Sprites, optional
    """

    images: pd.DataFrame
    projections: pd.DataFrame
    sprites: Sprites | None = None


def title_of(record: Mapping[Any, Any]) -> str:
    """Return the name of a row in the report: its model, its features, and what else is not the usual.

    Parameters
    ----------
    record : mapping
        The columns `results.predictions.ROW_KEY`.

    Examples
    --------
    >>> usual = {"preprocess": "none", "sampling": "all", "repeat": 0}
    >>> title_of({"model": "LR", "features": "resnet18", "weights": "random", **usual})
    'LR · resnet18, random'
    """
    words = str(record["model"])
    if record["features"] not in NETWORKS:
        words += f" · {FeatureSet.of(record).title}"
    extra = [str(record[k]) for k, usual in (("sampling", "all"), ("repeat", 0)) if record[k] != usual]
    return " · ".join([words, *extra])


def explore(explorer: Explorer, predictions: pd.DataFrame) -> dict[str, Any]:
    """Return the explorer's data as JSON values.

    Parameters
    ----------
    explorer : Explorer
    predictions : DataFrame
        As `results.predictions.SCHEMA`.
    """
    images = explorer.images.reset_index(drop=True)
    ids = images["image_id"].astype(str)
    place = pd.Series(np.arange(len(images)), index=ids)
    sets: dict[str, dict[str, Any]] = {}
    points = explorer.projections
    for key, part in points.groupby([*FEATURE_SET, "projection"], sort=False) if len(points) else ():
        *feature_set, method = (str(value) for value in key)
        order = place.reindex(part["image_id"].astype(str)).to_numpy()
        sets.setdefault(FeatureSet(*map(str, feature_set)).title, {})[method] = {
            "x": _coordinates(part["x"].to_numpy(), order, len(images)),
            "y": _coordinates(part["y"].to_numpy(), order, len(images)),
        }
    classes = sorted(images["label"].astype(str).unique())
    return {
        "ids": ids.tolist(),
        "classes": classes,
        "label": pd.Categorical(images["label"].astype(str), classes).codes.tolist(),
        "defect": images["y"].astype(int).tolist(),
        "split": images["split"].astype(str).tolist(),
        "sets": sets,
        "models": [_opinions(row, place) for row in rows_of(predictions)] if len(predictions) else [],
    }


def _coordinates(values: np.ndarray, order: np.ndarray, n: int) -> str:
    """Return coordinates in the order of the images, 16 bits each, as base64."""
    span = float(np.ptp(values)) or 1.0
    scaled = np.zeros(n, np.uint16)
    scaled[order] = np.round((values - values.min()) / span * _GRID)
    return base64.b64encode(scaled.astype("<u2").tobytes()).decode()


def _opinions(row: Any, place: pd.Series) -> dict[str, Any]:
    """Return the score of each image by a model, ranked 1 to 65535 (0: no score), and its errors."""
    ids = row.frame["image_id"].astype(str)
    at = place.reindex(ids).to_numpy()
    known = ~np.isnan(at)
    at = at[known].astype(int)
    score = row.frame["score"].to_numpy(float)[known]
    ranks = np.zeros(len(place), np.uint16)
    ranks[at] = 1 + np.round(pd.Series(score).rank(pct=True).to_numpy() * (_GRID - 1))
    wrong = np.zeros(len(place), np.uint8)
    y = row.frame["y_true"].to_numpy()[known]
    called = score >= scored(row).threshold
    # 1 right, 2 overkill, 3 escape; 0 where the model has no score.
    wrong[at] = np.where(called == (y == 1), 1, np.where(called, 2, 3))
    return {
        "name": title_of(row.key),
        "rank": base64.b64encode(ranks.astype("<u2").tobytes()).decode(),
        "outcome": base64.b64encode(wrong.tobytes()).decode(),
    }


def sprite_sheets(sprites: Sprites | None) -> dict[str, Any] | None:
    """Return thumbnails as JSON values; None without any."""
    if sprites is None:
        return None
    sheets = ["data:image/jpeg;base64," + base64.b64encode(sheet).decode() for sheet in sprites.sheets]
    return {"side": sprites.side, "columns": sprites.columns, "perSheet": sprites.per_sheet, "sheets": sheets}

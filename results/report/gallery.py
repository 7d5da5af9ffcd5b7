"""The gallery of heat maps: which images it shows, and their maps as small arrays that the page draws."""

import base64
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from results.feature_set import END_TO_END
from results.leaderboard import CORRECT, ESCAPE, OUTCOMES, outcomes_of, scored
from results.predictions import ROW_KEY, rows_of
from results.report.explorer import Sprites, sprite_sheets, title_of

#: Columns of a table of maps that say whose map a row is.
NAMED = [*ROW_KEY, "method", "image_id", "split", "map_height", "map_width"]
#: Most cells along a side of a map; finer maps are averaged.
MOST_CELLS = 32
#: Most boxes of an image: a mask may fall into hundreds of components.
MOST_BOXES = 40
_LEVELS = 127
#: Characters that the page needs for an image under one model, besides its cells.
_OVERHEAD = 48
_CORNERS = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True, eq=False)
class MappedModel:
    """A model with saved heat maps, and what it makes of the test images.

    Parameters
    ----------
    name : str
    method : str
        How its maps were made.
    key : tuple of str
        The columns `results.predictions.ROW_KEY`.
    threshold, valid_auc : float
    outcomes : DataFrame
        As `results.leaderboard.outcomes_of`.
    mapped : frozenset of str
        Ids of the test images that have a map.
    cells : int
        Cells of a map in the page.
    """

    name: str
    method: str
    key: tuple[str, ...]
    threshold: float
    valid_auc: float
    outcomes: pd.DataFrame
    mapped: frozenset[str]
    cells: int

    @property
    def characters(self) -> int:
        """How many characters of the page an image takes under this model."""
        return _OVERHEAD + -(-4 * self.cells // 3)


@dataclass(frozen=True, eq=False)
class Gallery:
    """Images, the maps of several models, and the boxes of the defects.

    Parameters
    ----------
    images : DataFrame
        One row per image: `image_id`, `label`, `height` and `width` (pixels).
    models : sequence of dict
        As `map_values` returns them.
    regions : DataFrame
        As `features.datasets.regions.Regions.table`; may be empty.
    mapped_images, mapped_models : int
        How many test images and models of the run have maps.
    sprites : Sprites, optional
        Pictures of the images, in their order.
    """

    images: pd.DataFrame
    models: Sequence[dict[str, Any]]
    regions: pd.DataFrame
    mapped_images: int
    mapped_models: int
    sprites: Sprites | None = None

    def payload(self) -> dict[str, Any]:
        """Return the data of the gallery as JSON values."""
        labels = self.images["label"].astype(str)
        totals = {label for model in self.models for label in model["totals"]}
        classes = sorted(set(labels) | totals)
        regions = dict(list(self.regions.groupby("image_id"))) if len(self.regions) else {}
        return {
            "ids": self.images["image_id"].astype(str).tolist(),
            "classes": classes,
            "label": pd.Categorical(labels, classes).codes.tolist(),
            "size": self.images[["width", "height"]].to_numpy(int).tolist(),
            "boxes": [_boxes(row, regions.get(row["image_id"])) for row in self.images.to_dict("records")],
            "outcomes": list(OUTCOMES),
            "models": list(self.models),
            "sprites": sprite_sheets(self.sprites),
        }

    @property
    def note(self) -> str:
        """What of the run's maps is shown, in sentences."""
        models, images = _count(len(self.models), "model"), _count(len(self.images), "test image")
        if len(self.images) < self.mapped_images:
            said = [
                f"Heat maps of {models} on {len(self.images):,} of the {self.mapped_images:,} test images "
                "that have maps: those with the clearest scores of each model, outcome and class. The maps "
                "of all images are in the folder maps of the run."
            ]
        else:
            said = [f"Heat maps of {models} on {images}: all test images that have maps."]
        if self.regions.empty:
            said.append(
                "The dataset gives neither boxes nor masks: a run then makes maps of a few images only."
            )
        if len(self.models) < self.mapped_models:
            said.append(
                f"Only {len(self.models)} of the {self.mapped_models} models with maps are shown: those with "
                "the highest ROC AUC on the valid split."
            )
        counts = self.regions["image_id"].value_counts() if len(self.regions) else pd.Series(dtype=int)
        if (counts.reindex(self.images["image_id"]) > MOST_BOXES).any():
            said.append(f"Of an image with more than {MOST_BOXES} boxes the largest are drawn.")
        if self.sprites is None:
            said.append("The images are no longer where they were; only their maps are drawn.")
        if any(window != [0, 0, 1, 1] for model in self.models for window in model["windows"]):
            said.append("Images are shown before preprocessing; a dashed frame marks what a crop leaves.")
        return " ".join(said)


def _boxes(image: dict[Any, Any], regions: pd.DataFrame | None) -> list[list[float]]:
    """Return the boxes of an image as shares of its width and height."""
    if regions is None:
        return []
    width, height = float(image["width"]), float(image["height"])
    area = (regions["x2"] - regions["x1"] + 1) * (regions["y2"] - regions["y1"] + 1)
    regions = regions.loc[area.sort_values(ascending=False, kind="stable").index[:MOST_BOXES]]
    # Corners are pixels of the box: the last one is inside.
    return [
        [_share(x1, width), _share(y1, height), _share(x2 + 1, width), _share(y2 + 1, height)]
        for x1, y1, x2, y2 in regions[list(_CORNERS)].to_numpy(float)
    ]


def mapped_models(maps: Iterable[pd.DataFrame], predictions: pd.DataFrame) -> list[MappedModel]:
    """Return the models that have maps of test images, the highest ROC AUC on the valid split first.

    Parameters
    ----------
    maps : iterable of DataFrame
        One table for each model and method, with the columns `NAMED`.
    predictions : DataFrame
        As `results.predictions.SCHEMA`. Maps of a model that is not among them are left out.
    """
    rows = (
        {tuple(map(str, row.key.values())): row for row in rows_of(predictions)} if len(predictions) else {}
    )
    found = []
    for frame in maps:
        test = frame[frame["split"] == "test"]
        key = tuple(str(frame[name].iloc[0]) for name in ROW_KEY) if len(frame) else ()
        if test.empty or key not in rows:
            continue
        row = rows[key]
        scores, outcomes = scored(row), outcomes_of(row)
        mapped = frozenset(test["image_id"].astype(str)) & set(outcomes["image_id"])
        auc = float(np.nan_to_num(scores.valid_auc, nan=-1.0))
        name = title_of(row.key)
        if row.key["features"] == END_TO_END and row.key["preprocess"] != "none":
            name += f" · {row.key['preprocess']}"
        method = str(frame["method"].iloc[0])
        cells = math.prod(min(int(test[f"map_{side}"].iloc[0]), MOST_CELLS) for side in ("height", "width"))
        found.append(MappedModel(name, method, key, float(scores.threshold), auc, outcomes, mapped, cells))
    return sorted(_named_apart(found), key=lambda model: -model.valid_auc)


def _named_apart(models: list[MappedModel]) -> list[MappedModel]:
    """Return the models with names that differ: networks of one name get their weights, too."""
    names = Counter((model.name, model.method) for model in models)
    weights = ROW_KEY.index("weights")
    return [
        replace(model, name=f"{model.name} · {model.key[weights]}")
        if names[model.name, model.method] > 1
        else model
        for model in models
    ]


def choose_images(models: Sequence[MappedModel]) -> list[str]:
    """Return the ids of all test images that have maps, in the order in which a gallery takes them.

    In turn each model, outcome and class gives the image whose score is the clearest of those that are left:
    the first images hold escapes and overkills of every model and defects of every class, however rare.
    """
    groups: list[tuple[int, list[str]]] = []
    for model in models:
        mapped = model.outcomes[model.outcomes["image_id"].isin(model.mapped)]
        for (outcome, _), part in mapped.groupby(["outcome", "label"], sort=True):
            upwards = outcome in (ESCAPE, CORRECT)
            clearest = part.sort_values(["score", "image_id"], ascending=[upwards, True])
            groups.append((OUTCOMES.index(str(outcome)), clearest["image_id"].tolist()))
    # Correct good parts last: there are plenty of them.
    groups.sort(key=lambda group: group[0])
    longest = max((len(ids) for _, ids in groups), default=0)
    return list(dict.fromkeys(ids[turn] for turn in range(longest) for _, ids in groups if turn < len(ids)))


def map_values(frame: pd.DataFrame, model: MappedModel, ids: Sequence[str]) -> dict[str, Any]:
    """Return the maps of one model on some images as JSON values.

    Parameters
    ----------
    frame : DataFrame
        Its maps, with the columns `results.tables.localisation.COLUMNS`.
    model : MappedModel
    ids : sequence of str
        The images of the gallery. Those without a map by this model are left out.

    Returns
    -------
    dict
        `name`, `method`, `threshold`; `rows` and `columns` of a map; for each image that has a map `at` (its
        place in `ids`), `score`, `outcome` (place in `OUTCOMES`), `peak` (largest absolute value of the map)
        and `window` (place in `windows`); `windows`, the parts of the image that the model sees, as shares of
        its sides; `heat`, the maps as base64 of int8 from -127 to 127 in shares of their peaks; `totals`,
        counts of the outcomes over all test images of each class.
    """
    test = frame[frame["split"] == "test"].drop_duplicates("image_id").set_index("image_id", drop=False)
    said = model.outcomes.set_index("image_id")
    place = {name: number for number, name in enumerate(ids)}
    kept = [name for name in ids if name in model.mapped and name in test.index]
    rows = test.loc[kept]
    grids = [_grid(row) for row in rows.to_dict("records")]
    peaks = [float(np.abs(grid).max()) for grid in grids]
    shape = grids[0].shape if grids else (1, 1)
    levels = [
        np.round(_resized(grid, shape) / (peak or 1.0) * _LEVELS).astype(np.int8)
        for grid, peak in zip(grids, peaks, strict=True)
    ]
    windows = [_window(row) for row in rows.to_dict("records")]
    different = [list(window) for window in dict.fromkeys(map(tuple, windows))]
    counts = pd.crosstab(model.outcomes["label"], model.outcomes["outcome"]).reindex(columns=list(OUTCOMES))
    return {
        "name": model.name,
        "method": model.method,
        "threshold": _rounded(model.threshold),
        "rows": shape[0],
        "columns": shape[1],
        "at": [place[name] for name in kept],
        "score": [_rounded(value) for value in said.loc[kept, "score"]],
        "outcome": [OUTCOMES.index(outcome) for outcome in said.loc[kept, "outcome"]],
        "peak": [_rounded(peak) for peak in peaks],
        "windows": different,
        "window": [different.index(window) for window in windows],
        "heat": base64.b64encode(b"".join(level.tobytes() for level in levels)).decode(),
        "totals": {str(label): row.fillna(0).astype(int).tolist() for label, row in counts.iterrows()},
    }


def _grid(row: dict[Any, Any]) -> np.ndarray:
    """Return a saved map with at most `MOST_CELLS` cells a side; values that are not finite become 0."""
    values = np.nan_to_num(np.asarray(row["values"], np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    grid = values.reshape(int(row["map_height"]), int(row["map_width"]))
    return _resized(grid, (min(grid.shape[0], MOST_CELLS), min(grid.shape[1], MOST_CELLS)))


def _resized(grid: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the means of the cells that fall into each cell of a coarser grid."""
    for axis, cells in enumerate(shape):
        number = grid.shape[axis]
        if number != cells:
            edges = np.minimum(np.arange(cells) * number // cells, number - 1)
            sizes = np.maximum(np.diff(np.append(edges, number)), 1)
            grid = np.add.reduceat(grid, edges, axis=axis) / (sizes if axis else sizes[:, None])
    return grid


def _window(row: dict[Any, Any]) -> list[float]:
    sides = (row["width"], row["height"], row["width"], row["height"])
    return [
        _share(float(row[f"window_{name}"]), float(side)) for name, side in zip(_CORNERS, sides, strict=True)
    ]


def _share(value: float, whole: float) -> float:
    share = round(value / whole, 4)
    return int(share) if share == int(share) else share


def _rounded(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"

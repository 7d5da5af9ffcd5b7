"""Puts the report together: data as JSON, one style sheet, one script, no network."""

import base64
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from results.blend import with_blend
from results.cautions import FINDS_NONE
from results.columns import RANKING, Column, in_view, with_bounds
from results.feature_set import END_TO_END, FeatureSet
from results.leaderboard import best_of_kinds, leaderboard, scored
from results.notes import best_note
from results.predictions import COSTS, FEATURE_SET, ROW_KEY, rows_of
from results.report.curves import curves_of
from results.report.summary import summarise
from results.status import Status
from results.tables.formats import to_html
from results.tables.shown import PUBLISHED_TITLE, plain
from results.views import View

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


@dataclass(frozen=True, eq=False)
class Provenance:
    """Where the run comes from, and what else is to be shown.

    Parameters
    ----------
    title : str
    counts : str
        A sentence on the images and the split.
    credit : str
        Source and licence of the images.
    facts : mapping of str to str
        Seed, commit, versions.
    published : DataFrame
        As `results.published.published_table`; may be empty.
    dataset : str
        What the published figures call it.
    tables : mapping of title to DataFrame
        Further tables, shown folded.
    audit : DataFrame
        The most suspect labels; may be empty.
    figures : mapping of title to bytes
        PNG files.
    """

    title: str
    counts: str
    credit: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    published: pd.DataFrame = field(default_factory=pd.DataFrame)
    dataset: str = ""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    audit: pd.DataFrame = field(default_factory=pd.DataFrame)
    figures: Mapping[str, bytes] = field(default_factory=dict)


def render_page(
    predictions: pd.DataFrame, statuses: pd.DataFrame, explorer: Explorer, provenance: Provenance
) -> str:
    """Return the report as one HTML file that needs nothing else.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.
    statuses : DataFrame
        Rows that have no predictions; see `results.leaderboard.leaderboard`.
    explorer : Explorer
    provenance : Provenance

    Returns
    -------
    str
        Names of files and labels reach the page as JSON with every angle bracket escaped, and are
        shown as text, never as HTML.
    """
    blended = with_blend(predictions) if len(predictions) else predictions
    board = leaderboard(blended, statuses)
    rows = {tuple(str(v) for v in row.key.values()): row for row in rows_of(blended)}
    # The rows in front are those that the summary calls the best of their kind.
    kinds = {tuple(map(str, row.key.values())): kind for kind, row in best_of_kinds(rows.values()).items()}
    shown = in_view(View.REPORT, board)
    models: list[dict[str, Any]] = []
    for record in board.to_dict("records"):
        key = tuple(str(record[name]) for name in ROW_KEY)
        curves = curves_of(rows[key]) if key in rows else {}
        features = FeatureSet.of(record).title
        named = {"name": _name(record), "kind": kinds.get(key, ""), "leads": key in kinds}
        models.append({**named, "set": features, "curves": curves})
    payload = {
        "columns": [_describe(column) for column in shown],
        "costs": [_describe(column) for column in shown if column.name in COSTS],
        "ranking": RANKING,
        "board": [_record(row, shown) for row in board.to_dict("records")],
        "models": models,
        "bestNote": best_note(board),
        "explorer": _explore(explorer, blended),
        "audit": _audit(provenance.audit, explorer.images),
    }
    said = summarise(predictions, statuses, provenance.counts) if len(predictions) else [provenance.counts]
    parts = {
        "title": html.escape(provenance.title),
        "style": _asset("report.css"),
        "plotly": _plotly(),
        "script": _asset("report.js"),
        "payload": to_json(payload),
        "summary": "".join(f"<p>{html.escape(line)}</p>" for line in said),
        "published": _published(provenance),
        "tables": "".join(_folded(title, table) for title, table in provenance.tables.items() if len(table)),
        "figures": "".join(_figure(title, png) for title, png in provenance.figures.items()),
        "facts": "".join(
            f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>"
            for name, value in provenance.facts.items()
        ),
        "credit": html.escape(provenance.credit),
    }
    page = _asset("template.html")
    # One pass over the template, so that nothing inside a part is taken for a place to fill.
    pieces = page.split("{{")
    done = [pieces[0]]
    for piece in pieces[1:]:
        name, rest = piece.split("}}", 1)
        done.append(parts[name] + rest)
    return "".join(done)


def to_json(value: object) -> str:
    """Return JSON that can stand inside a `<script>` element whatever its strings hold."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _describe(column: Column) -> dict[str, Any]:
    return {"key": column.name, "title": column.title, "unit": column.unit, "digits": column.digits,
            "higherIsBetter": column.higher_is_better}  # fmt: skip


def _name(record: Mapping[Any, Any]) -> str:
    words = str(record["model"])
    if record["features"] != END_TO_END:
        words += f" · {FeatureSet.of(record).title}"
    extra = [str(record[k]) for k, usual in (("sampling", "all"), ("repeat", 0)) if record[k] != usual]
    return " · ".join([words, *extra])


def _record(row: Mapping[Any, Any], shown: Sequence[Column]) -> dict[str, Any]:
    """Return a leaderboard row as JSON values: missing ones are null."""
    wanted = [name for column in shown for name in with_bounds(column)]
    last = 2 if row["status"] != Status.OK else int(FINDS_NONE in str(row.get("caution", "")))
    return {**{key: _plain(row[key]) for key in [*wanted, "best"] if key in row}, "last": last}


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    return float(f"{value:.6g}") if isinstance(value, float | np.floating) else str(value)


def _explore(explorer: Explorer, predictions: pd.DataFrame) -> dict[str, Any]:
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
        "models": [_told(row, place) for row in rows_of(predictions)] if len(predictions) else [],
        "sprites": _sprites(explorer.sprites),
    }


def _coordinates(values: np.ndarray, order: np.ndarray, n: int) -> str:
    """Return coordinates in the order of the images, 16 bits each, as base64."""
    span = float(np.ptp(values)) or 1.0
    scaled = np.zeros(n, np.uint16)
    scaled[order] = np.round((values - values.min()) / span * _GRID)
    return base64.b64encode(scaled.astype("<u2").tobytes()).decode()


def _told(row: Any, place: pd.Series) -> dict[str, Any]:
    """Return what a model said of each image: its score, ranked 1 to 65535, 0 for none, and errors."""
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
    # 1 right, 2 overkill, 3 escape; 0 where the model was not asked.
    wrong[at] = np.where(called == (y == 1), 1, np.where(called, 2, 3))
    return {
        "name": _name(row.key),
        "rank": base64.b64encode(ranks.astype("<u2").tobytes()).decode(),
        "outcome": base64.b64encode(wrong.tobytes()).decode(),
    }


def _sprites(sprites: Sprites | None) -> dict[str, Any] | None:
    if sprites is None:
        return None
    sheets = ["data:image/jpeg;base64," + base64.b64encode(sheet).decode() for sheet in sprites.sheets]
    return {"side": sprites.side, "columns": sprites.columns, "perSheet": sprites.per_sheet, "sheets": sheets}


def _audit(audit: pd.DataFrame, images: pd.DataFrame) -> list[dict[str, Any]]:
    place = {name: number for number, name in enumerate(images["image_id"].astype(str))}
    shown = ("rank", "image_id", "named", "suspicion", "confidence", "neighbours", "novelty")
    return [
        {**{key: _plain(row.get(key)) for key in shown}, "at": place.get(str(row["image_id"]))}
        for row in audit.to_dict("records")
    ]


def _published(provenance: Provenance) -> str:
    if provenance.published.empty:
        return ""
    title = PUBLISHED_TITLE.format(provenance.dataset)
    return _folded(title, provenance.published, opened=True)


def _folded(title: str, table: pd.DataFrame, opened: bool = False) -> str:
    return (
        f"<details{' open' if opened else ''}><summary>{html.escape(title)}</summary>"
        f"<div class='wide' tabindex='0'>{to_html(plain(table, titles=True))}</div></details>"
    )


def _figure(title: str, png: bytes) -> str:
    data = base64.b64encode(png).decode()
    name = html.escape(title)
    return (
        f"<figure><figcaption>{name}</figcaption><img alt='{name}' "
        f"src='data:image/png;base64,{data}'></figure>"
    )


def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    # A closing tag inside the library's strings would end the script.
    return get_plotlyjs().replace("</script", "<\\/script")

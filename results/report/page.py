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
from results.feature_set import FeatureSet
from results.leaderboard import best_of_kinds, leaderboard
from results.notes import best_note
from results.predictions import COSTS, ROW_KEY, rows_of
from results.report.attention import attention_html
from results.report.checks import checks_panel
from results.report.curves import curves_of
from results.report.explorer import Explorer, Sprites, explore, sprite_sheets, title_of
from results.report.gallery import Gallery
from results.report.locations import localisation_html
from results.report.summary import summarise
from results.status import Status
from results.tables.formats import to_html
from results.tables.shown import PUBLISHED_TITLE, plain
from results.views import View

_LOOKS = "Where the models look"


@dataclass(frozen=True, eq=False)
class Provenance:
    """Where the run comes from, and what else is to be shown.

    Parameters
    ----------
    title : str
    counts : str
        A sentence on the images and the split.
    opening : str
        The first paragraph, before the sentence on the images; may be empty.
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
    localisation : DataFrame
        As `results.tables.localisation.localisation_table`; may be empty.
    attention : DataFrame
        As `results.tables.attention.attention_table`; may be empty.
    checks : DataFrame, optional
        As `results.checks.check_run`; without it the page has no panel of checks.
    """

    title: str
    counts: str
    opening: str = ""
    credit: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    published: pd.DataFrame = field(default_factory=pd.DataFrame)
    dataset: str = ""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    audit: pd.DataFrame = field(default_factory=pd.DataFrame)
    figures: Mapping[str, bytes] = field(default_factory=dict)
    localisation: pd.DataFrame = field(default_factory=pd.DataFrame)
    attention: pd.DataFrame = field(default_factory=pd.DataFrame)
    checks: pd.DataFrame | None = None


@dataclass(frozen=True, eq=False)
class Page:
    """A report whose pictures are still to be added: they take the room that the rest leaves.

    Parameters
    ----------
    parts : mapping of str to str
        What stands at each place of the template.
    """

    parts: Mapping[str, str]

    @property
    def bytes(self) -> int:
        """Size of the page without thumbnails and heat maps."""
        return len(self.html().encode())

    def html(self, sprites: Sprites | None = None, gallery: Gallery | None = None) -> str:
        """Return the page as one HTML file.

        Parameters
        ----------
        sprites : Sprites, optional
            Thumbnails of all images, for the explorer.
        gallery : Gallery, optional
            Heat maps.
        """
        maps = "" if gallery is None else _gallery(gallery)
        looks = maps + self.parts["localisation"]
        section = f'<section id="looks">\n<h2>{_LOOKS}</h2>\n{looks}</section>\n\n' if looks else ""
        return _fill(
            _asset("template.html"),
            {
                **self.parts,
                "looks": section,
                "looks_link": '<a href="#looks">Heat maps</a> ' if looks else "",
                "gallery_script": _asset("gallery.js") if maps else "",
                "sprites": to_json(sprite_sheets(sprites)),
            },
        )


def render_page(
    predictions: pd.DataFrame,
    statuses: pd.DataFrame,
    explorer: Explorer,
    provenance: Provenance,
    gallery: Gallery | None = None,
) -> str:
    """Return the report as one HTML file that needs nothing else; see `build_page`."""
    return build_page(predictions, statuses, explorer, provenance).html(explorer.sprites, gallery)


def build_page(
    predictions: pd.DataFrame, statuses: pd.DataFrame, explorer: Explorer, provenance: Provenance
) -> Page:
    """Return the report without its thumbnails and heat maps.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.
    statuses : DataFrame
        Rows that have no predictions; see `results.leaderboard.leaderboard`.
    explorer : Explorer
        Its thumbnails are left to `Page.html`.
    provenance : Provenance

    Returns
    -------
    Page
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
        named = {"name": title_of(record), "kind": kinds.get(key, ""), "leads": key in kinds}
        models.append({**named, "set": features, "curves": curves})
    payload = {
        "columns": [_describe(column) for column in shown],
        "costs": [_describe(column) for column in shown if column.name in COSTS],
        "ranking": RANKING,
        "board": [_record(row, shown) for row in board.to_dict("records")],
        "models": models,
        "bestNote": best_note(board),
        "explorer": explore(explorer, blended),
        "audit": _audit(provenance.audit, explorer.images),
    }
    said = summarise(predictions, statuses, provenance.counts) if len(predictions) else [provenance.counts]
    said = [provenance.opening, *said] if provenance.opening else said
    parts = {
        "title": html.escape(provenance.title),
        "style": _asset("report.css") + _asset("gallery.css"),
        "plotly": _plotly(),
        "script": _asset("report.js"),
        "payload": to_json(payload),
        "summary": "".join(f"<p>{html.escape(line)}</p>" for line in said),
        "checks": "" if provenance.checks is None else checks_panel(provenance.checks),
        "published": _published(provenance),
        "tables": "".join(_folded(title, table) for title, table in provenance.tables.items() if len(table)),
        "figures": "".join(_figure(title, png) for title, png in provenance.figures.items()),
        "facts": "".join(
            f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>"
            for name, value in provenance.facts.items()
        ),
        "credit": html.escape(provenance.credit),
        "localisation": localisation_html(provenance.localisation) + attention_html(provenance.attention),
    }
    return Page(parts)


def _gallery(gallery: Gallery) -> str:
    return _fill(
        _asset("gallery.html"), {"note": html.escape(gallery.note), "data": to_json(gallery.payload())}
    )


def _fill(template: str, parts: Mapping[str, str]) -> str:
    # One pass over the template, so that nothing inside a part is taken for a place to fill.
    pieces = template.split("{{")
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

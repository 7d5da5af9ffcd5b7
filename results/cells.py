"""DARTS cells of a run: searched ones beside random ones, the control without which a search says nothing."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from results.feature_set import RANDOM, SEARCHED
from results.intervals import intervals_of
from results.leaderboard import scored
from results.metrics import get_metric
from results.predictions import ROW_KEY, Row, rows_of
from results.statistics import prediction_interval, t_interval

#: With fewer random cells the verdict has a caution.
ENOUGH = 5
_KINDS = (SEARCHED, "given", RANDOM)
_CONTROL = "the search did not find a cell that is better than a random one"


@dataclass(frozen=True)
class CellRow:
    """One DARTS network of a run.

    Parameters
    ----------
    cell : str
        Name of its cell.
    kind : {"searched", "given", "random cell"}
    valid_auc, auc : float
        ROC AUC on the valid and the test split; NaN where a split has one class.
    low, high : float
        95% interval of `auc` over test images.
    parameters, fit_seconds : float
    """

    cell: str
    kind: str
    valid_auc: float
    auc: float
    low: float
    high: float
    parameters: float
    fit_seconds: float


@dataclass(frozen=True)
class Cells:
    """The DARTS networks that one training setting gave.

    Parameters
    ----------
    setting : str
        Preprocessing and sampling where they are not the usual ones.
    rows : tuple of CellRow
    """

    setting: str
    rows: tuple[CellRow, ...]

    def of_kind(self, kind: str) -> list[CellRow]:
        """Return the rows of one kind whose test AUC is known."""
        return [row for row in self.rows if row.kind == kind and not np.isnan(row.auc)]

    @property
    def random(self) -> np.ndarray:
        """Test AUC of the random cells, shape (n,)."""
        return np.array([row.auc for row in self.of_kind(RANDOM)])

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """95% prediction interval of the test AUC of one more random cell; None for fewer than two."""
        return prediction_interval(self.random) if len(self.random) > 1 else None

    @property
    def chosen(self) -> CellRow | None:
        """The searched cell with the best AUC on the valid split, of equal ones the first."""
        return max(self.of_kind(SEARCHED), key=_valid, default=None)

    def place(self, row: CellRow) -> str:
        """Return where a row lies beside the random cells: inside, or outside and on which side."""
        if self.interval is None or np.isnan(row.auc):
            return ""
        low, high = self.interval
        if row.auc > high:
            return "outside, better"
        return "outside, worse" if row.auc < low else "inside"


def cells_of(predictions: pd.DataFrame) -> list[Cells]:
    """Return the DARTS networks among the predictions, grouped by all that is not the cell.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`; `params` names the cell of a DARTS network as `cell`.
    """
    return cells_in(rows_of(predictions)) if len(predictions) else []


def cells_in(rows: Iterable[Row]) -> list[Cells]:
    """Return the DARTS networks among the rows; see `cells_of`."""
    groups: dict[tuple[str, ...], list[CellRow]] = {}
    words: dict[tuple[str, ...], str] = {}
    for row in rows:
        cell = _cell(row)
        if cell:
            shared = {name: str(row.key[name]) for name in ROW_KEY if name != "model"}
            key = tuple(shared.values())
            groups.setdefault(key, []).append(_measured(row, cell))
            usual = {"preprocess": "none", "sampling": "all"}
            words[key] = ", ".join(shared[name] for name in usual if shared[name] != usual[name])
    return [Cells(words[key], tuple(found)) for key, found in groups.items()]


def cells_table(predictions: pd.DataFrame, searches: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return every DARTS network beside the mean and the intervals of the random cells.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.
    searches : DataFrame, optional
        Columns `cell`, `epoch`, `seconds`: the histories of the searches.

    Returns
    -------
    DataFrame
        Columns `cell`, `setting`, `kind`, `chosen` (by the valid split), `valid_auc`, `roc_auc`, `low`,
        `high`, `beside_random`, `parameters`, `search_seconds`, `fit_seconds`. For a network, `low` and
        `high` are the 95% interval over test images; for "mean of random cells" that of the mean over
        cells; for "one more random cell" the prediction interval. Empty without DARTS networks.
    """
    spent: dict[str, float] = {}
    if searches is not None and len(searches):
        sums = searches.groupby("cell")["seconds"].sum()
        spent = {str(cell): float(seconds) for cell, seconds in sums.items()}
    found: list[dict[str, Any]] = []
    for cells in cells_of(predictions):
        for row in sorted(cells.rows, key=lambda row: (_KINDS.index(row.kind), -np.nan_to_num(row.auc))):
            searched = spent.get(f"{row.cell}, {cells.setting}" if cells.setting else row.cell, np.nan)
            found.append(
                {
                    "cell": row.cell, "setting": cells.setting, "kind": row.kind,
                    "chosen": "yes" if row == cells.chosen else "", "valid_auc": row.valid_auc,
                    "roc_auc": row.auc, "low": row.low, "high": row.high,
                    "beside_random": "" if row.kind == RANDOM else cells.place(row),
                    "parameters": row.parameters, "search_seconds": searched,
                    "fit_seconds": row.fit_seconds,
                }
            )  # fmt: skip
        found += _summary(cells)
    return pd.DataFrame(found)


def cells_verdict(cells: Cells) -> str:
    """Say whether the searched cell that the valid split chose differs from random cells.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    str
        One paragraph; empty where no cell was searched and no random cell trained.
    """
    chosen, n = cells.chosen, len(cells.random)
    if chosen is None and n == 0:
        return ""
    asked = f"Does the search find a better DARTS cell{f' ({cells.setting})' if cells.setting else ''}? "
    if chosen is None:
        return f"{asked}No searched cell was scored. {_spread(cells)}"
    searches = len(cells.of_kind(SEARCHED))
    facts = f"{_named(chosen)}, reaches test ROC AUC {chosen.auc:.4f}"
    facts = f"Of {searches} searched cell{'s' * (searches != 1)} the one chosen on the valid split, {facts}. "
    if cells.interval is None:
        return (
            f"{asked}This run cannot tell: {facts}{_spread(cells)} The interval needs at least two random "
            f"cells; {ENOUGH} are recommended."
        )
    place = cells.place(chosen)
    verdict = {
        "inside": f"inside: {_CONTROL}",
        "outside, better": "outside, better: the search found a cell that is better than random ones",
        "outside, worse": "outside, worse: the search found a cell that is worse than random ones",
    }[place]
    answer = "Yes" if place == "outside, better" else "No"
    parts = [f"{asked}{answer}. {facts}{_spread(cells)} The searched cell lies {verdict}."]
    if place == "inside" and cells.interval[1] >= 1:
        parts.append("The interval reaches 1, so no cell could lie outside it on the better side.")
    parts += [f"The {row.cell} ({row.auc:.4f}) lies {cells.place(row)}." for row in cells.of_kind("given")]
    if n < ENOUGH:
        parts.append(f"Caution: only {n} random cells.")
    return " ".join(parts)


def _spread(cells: Cells) -> str:
    values = cells.random
    if not len(values):
        return "No random cell was scored."
    if cells.interval is None:
        return f"One random cell reaches {values[0]:.4f}."
    low, high = cells.interval
    return (
        f"{len(values)} random cells, trained alike, reach {values.mean():.4f} on average, and one more lies "
        f"between {low:.4f} and {high:.4f} with 95% probability (t prediction interval)."
    )


def _summary(cells: Cells) -> Iterator[dict[str, Any]]:
    if cells.interval is None:
        return
    shared = {"setting": cells.setting, "kind": RANDOM, "chosen": "", "roc_auc": cells.random.mean()}
    for name, (low, high) in (
        ("mean of random cells", t_interval(cells.random)),
        ("one more random cell", cells.interval),
    ):
        yield {"cell": name, **shared, "low": low, "high": high, "beside_random": ""}


def _cell(row: Row) -> str:
    params = json.loads(str(row.constant("params")) or "{}")
    return str(params.get("cell", "")) if isinstance(params, dict) else ""


def _measured(row: Row, cell: str) -> CellRow:
    scores = scored(row)
    bounds = intervals_of(scores)
    kind = next((kind for kind in (SEARCHED, RANDOM) if cell.startswith(kind)), "given")
    return CellRow(
        cell,
        kind,
        float(scores.valid_auc),
        float(get_metric("roc_auc").compute(scores)),
        float(bounds.get("roc_auc_low", np.nan)),
        float(bounds.get("roc_auc_high", np.nan)),
        float(str(row.constant("parameters"))),
        float(str(row.constant("fit_seconds"))),
    )


def _valid(row: CellRow) -> float:
    return float(np.nan_to_num(row.valid_auc, nan=-1.0))


def _named(row: CellRow) -> str:
    return f'"{row.cell}" (valid ROC AUC {row.valid_auc:.4f})'

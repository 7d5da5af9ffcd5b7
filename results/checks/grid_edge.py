"""Grid searches whose best value lies at the edge of its grid."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from results.checks.base.data import RunData, named
from results.checks.base.spec import Check, Finding, Severity
from results.predictions import ROW_KEY

#: Fewer values have no inside; and the gain over the next value from which the edge matters.
FEWEST_VALUES, GAIN = 3, 0.001


def _find(data: RunData) -> Iterator[Finding]:
    for key, cells in data.searches.groupby(ROW_KEY, sort=False, observed=True):
        chosen = cells[cells["chosen"]]
        if chosen.empty:
            continue
        best = chosen.iloc[0]
        for name, value in best["params"].items():
            if not _is_number(value):
                continue
            values = sorted({each[name] for each in _alike(cells["params"], best["params"])})
            if len(values) < FEWEST_VALUES or value not in (values[0], values[-1]):
                continue
            inner = values[1] if value == values[0] else values[-2]
            gain = _gain(cells, best, name, inner)
            if gain <= GAIN:
                continue
            end = "smallest" if value == values[0] else "largest"
            row = named(dict(zip(ROW_KEY, key, strict=True)))
            by = f", {gain:.3f} better than {inner:g}" if np.isfinite(gain) else ""
            yield Finding(
                f"{row}: the best {_short(name)} is {value:g}, the {end} of {len(values)} values{by}",
                {_short(name): value} | ({"gain": gain} if np.isfinite(gain) else {}),
            )


def _alike(settings: pd.Series, best: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the settings that differ from the best one in numbers only: those of one kernel, for example."""
    words = {name: value for name, value in best.items() if not _is_number(value)}
    return [
        each
        for each in settings
        if each.keys() == best.keys()
        and all(each[name] == value for name, value in words.items())
        and all(_is_number(each[name]) for name in best.keys() - words.keys())
    ]


def _gain(cells: pd.DataFrame, best: pd.Series, name: str, inner: float) -> float:
    """Return how much the best setting is better than with the next value inside; NaN where it is unknown."""
    if "score" not in cells:
        return float("nan")
    wanted = {**best["params"], name: inner}
    scores = [
        score for params, score in zip(cells["params"], cells["score"], strict=True) if params == wanted
    ]
    return float(best["score"]) - float(scores[0]) if scores else float("nan")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(name: str) -> str:
    return name.removeprefix("model__")


CHECK = Check(
    "DB301",
    "grid_edge",
    Severity.INFO,
    "classical models were searched over a parameter with three values or more",
    "A value beyond the grid may be better still, so the row may be weaker than the model can be.",
    "Search the full grid: --grid full.",
    _find,
    needs=("searches.params",),
    uses=("searches.score",),
)

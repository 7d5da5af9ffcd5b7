"""All models together: the mean of what they say, each on the scale of its own valid scores."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from results.feature_set import GOOD_ONLY, LABELS, FeatureSet
from results.predictions import COSTS, ROW_KEY, Row, is_good_only, rows_of, validate

MODEL, FEATURES, MIXED = "Mean of all rows", "all", "mixed"
_TOGETHER = ["split_kind", "repeat"]
_RATES = ("images_per_second_1", "images_per_second_64")


def with_blend(predictions: pd.DataFrame) -> pd.DataFrame:
    """Add a row that averages all others, where there are two at least.

    Heads on embeddings and end-to-end networks err on different images, so their mean shows whether
    they are worth running side by side. No weights are fitted; the test split shows only in the result.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.

    Returns
    -------
    DataFrame
        With the row `Mean of all rows` at the end: its score is the mean over models of the score less its
        mean, divided by its deviation, both over the valid split (0 for a model whose valid scores are all
        equal). Costs are sums; a network that several heads share counts once.
    """
    blends = [_blend(part) for _, part in predictions.groupby(_TOGETHER, sort=False, observed=True)]
    return pd.concat([predictions, *(blend for blend in blends if blend is not None)], ignore_index=True)


def _blend(predictions: pd.DataFrame) -> pd.DataFrame | None:
    rows = list(rows_of(predictions))
    first = rows[0].frame.sort_values(["split", "image_id"]).reset_index(drop=True)
    if len(rows) < 2:
        return None
    total = np.zeros(len(first))
    for row in rows:
        frame = row.frame.sort_values(["split", "image_id"])
        if frame["image_id"].tolist() != first["image_id"].tolist():
            # Rows of another preprocessing may have lost images; they cannot be averaged.
            return None
        score = frame["score"].to_numpy(float)
        valid = score[(frame["split"] == "valid").to_numpy()]
        deviation = float(valid.std()) if len(valid) else 0.0
        # The deviation of equal scores is rounding; dividing by it would drown all other rows.
        if deviation > 1e-12 * float(np.abs(valid).max(initial=0.0)):
            total += (score - valid.mean()) / deviation
    key: dict[str, Any] = {
        name: _common(rows[0].key[name], [row.key[name] for row in rows]) for name in ROW_KEY
    }
    return validate(
        first.assign(
            **{**key, "model": MODEL, "features": FEATURES},
            score=total / len(rows),
            score_kind="decision",
            **_costs(rows),
            params="{}",
            weights_sha256="",
            supervision=GOOD_ONLY if all(is_good_only(row) for row in rows) else LABELS,
        )
    )


def _costs(rows: list[Row]) -> dict[str, Any]:
    """Return what all rows cost together, a network that several heads share counted once.

    What rows on one feature set share is taken to be what the cheapest of them costs: the network, and the
    smallest head.
    """
    sets: dict[tuple[str, ...], list[Row]] = {}
    for number, row in enumerate(rows):
        features = FeatureSet.of(row.key)
        own = (str(number),) if features.is_network else (str(row.constant("weights_sha256")),)
        sets.setdefault((*features, *own), []).append(row)
    found = {name: sum(_together(_cost(row, name) for row in each) for each in sets.values())
             for name in COSTS}  # fmt: skip
    found["fit_seconds"] = sum(_cost(row, "fit_seconds") for row in rows)
    for name in _RATES:
        found[name] = 1 / found[name] if found[name] > 0 else 0.0
    return {**found, "parameters": int(found["parameters"]), "model_bytes": int(found["model_bytes"])}


def _cost(row: Row, name: str) -> float:
    """Return a cost that adds up: of a rate its inverse, seconds per image."""
    value = float(str(row.constant(name)))
    if name not in _RATES:
        return value
    return 1 / value if value > 0 else 0.0


def _together(costs: Iterable[float]) -> float:
    """Return the sum of costs, the part that all share counted once."""
    values = list(costs)
    return sum(values) - (len(values) - 1) * min(values)


def _common(value: object, values: list[str | int]) -> object:
    return value if len(set(values)) == 1 else MIXED

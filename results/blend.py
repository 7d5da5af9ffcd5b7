"""All models together: the mean of what they say, each on the scale of its own valid scores."""

from typing import Any

import numpy as np
import pandas as pd

from results.predictions import COSTS, ROW_KEY, Row, rows_of, validate

MODEL, FEATURES, MIXED = "Mean of all rows", "all", "mixed"
_TOGETHER = ["split_kind", "repeat"]


def with_blend(predictions: pd.DataFrame) -> pd.DataFrame:
    """Add a row that averages all others, where there are two at least.

    Heads on embeddings and end-to-end networks err on different images, so their mean tells whether
    they are worth running side by side. No weights are fitted; the test split shows only in the result.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.

    Returns
    -------
    DataFrame
        With the lines of the row `Mean of all rows` at the end: score is the mean over models of the
        score less its mean, divided by its deviation, both over the valid split; costs are sums.
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
        total += (score - valid.mean()) / (valid.std() or 1.0)
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
        )
    )


def _costs(rows: list[Row]) -> dict[str, Any]:
    """Add up what all rows cost; images a second are those of one row after the other."""
    values = {name: [float(str(row.constant(name))) for row in rows] for name in COSTS}
    rates = ("images_per_second_1", "images_per_second_64")
    found = {
        name: 1 / sum(1 / value for value in each) if name in rates else sum(each)
        for name, each in values.items()
    }
    return {**found, "parameters": int(found["parameters"]), "model_bytes": int(found["model_bytes"])}


def _common(value: object, values: list[str | int]) -> object:
    return value if len(set(values)) == 1 else MIXED

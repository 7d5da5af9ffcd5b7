"""Networks with attention to the boxes beside the plain ones: what attention changes."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from results.feature_set import split_attention
from results.predictions import ROW_KEY
from results.statistics import corrected_t_test
from results.tables.localisation import ALL, BASELINE

#: What is compared, in the order of the columns.
MEASURES = ("roc_auc", "energy_inside", "pointing_game")
MEAN = "mean"
PLAIN, ATTENTION, CHANGE = "plain", "attention", "change"


def attention_table(board: pd.DataFrame, localisation: pd.DataFrame, test_share: float = 0.0) -> pd.DataFrame:
    """Compare each network with attention with the plain network of the same settings and the same split.

    Parameters
    ----------
    board : DataFrame
        A leaderboard; `repeat` is the number of the split.
    localisation : DataFrame
        As `results.tables.localisation.localisation_table`, of the same splits; may be empty.
    test_share : float
        Test images divided by the images that were learnt from.

    Returns
    -------
    DataFrame
        Empty where no network has attention. The columns `ROW_KEY`: `model` is the plain network's name,
        `repeat` the number of the split counted from 1, or `mean` for the mean of several splits. Then
        `attention_weight`, `repeats` (number of splits), and for each of `MEASURES` the columns `_plain`,
        `_attention` and `_change`; rows of a mean also have `_change_low` and `_change_high`, the 95%
        interval of the corrected resampled t-test, and `_change_p`. A measure that one of the networks lacks
        on a split has no value there, and its mean is over the other splits.

    References
    ----------
    Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003.
    """
    measured = _measured(board, localisation)
    if measured.empty or not (measured["attention_weight"] > 0).any():
        return pd.DataFrame()
    plain = measured[measured["attention_weight"] == 0].drop(columns="attention_weight")
    attending = measured[measured["attention_weight"] > 0]
    pairs = attending.merge(plain, on=ROW_KEY, suffixes=(f"_{ATTENTION}", f"_{PLAIN}"))
    rows: list[dict[str, object]] = []
    setting = [name for name in ROW_KEY if name != "repeat"] + ["attention_weight"]
    for key, part in pairs.groupby(setting, sort=False, dropna=False):
        part = part.sort_values("repeat", key=lambda numbers: numbers.astype(int))
        named = dict(zip(setting, key, strict=True))
        for record in part.to_dict("records"):
            rows.append({**named, "repeat": str(int(record["repeat"]) + 1), "repeats": 1})
            for measure in MEASURES:
                rows[-1] |= _one(record, measure)
        if len(part) > 1:
            rows.append({**named, "repeat": MEAN, "repeats": len(part)})
            for measure in MEASURES:
                rows[-1] |= _mean(part, measure, test_share)
    bounds = [f"{CHANGE}_low", f"{CHANGE}_high", f"{CHANGE}_p"]
    columns = [f"{measure}_{end}" for measure in MEASURES for end in (PLAIN, ATTENTION, CHANGE, *bounds)]
    return pd.DataFrame(rows, columns=[*ROW_KEY, "attention_weight", "repeats", *columns])


def _measured(board: pd.DataFrame, localisation: pd.DataFrame) -> pd.DataFrame:
    """Return `ROW_KEY`, with the plain network's name, the weight of the attention and the measures."""
    if board.empty:
        return pd.DataFrame()
    found = board[[*ROW_KEY, MEASURES[0]]].dropna(subset=[MEASURES[0]]).drop_duplicates(ROW_KEY)
    places = pd.DataFrame(columns=[*ROW_KEY, *MEASURES[1:]])
    if len(localisation):
        whole = localisation[(localisation["label"] == ALL) & (localisation["method"] != BASELINE)]
        places = whole[places.columns].drop_duplicates(ROW_KEY)
    found, places = (
        frame.assign(**{name: frame[name].astype(str) for name in ROW_KEY}) for frame in (found, places)
    )
    found = found.merge(places, on=ROW_KEY, how="left").astype(dict.fromkeys(MEASURES, float))
    names = [split_attention(model) for model in found["model"]]
    return found.assign(model=[name for name, _ in names], attention_weight=[weight for _, weight in names])


def _one(record: dict[Hashable, Any], measure: str) -> dict[str, float]:
    plain, attending = record[f"{measure}_{PLAIN}"], record[f"{measure}_{ATTENTION}"]
    return {
        f"{measure}_{PLAIN}": plain,
        f"{measure}_{ATTENTION}": attending,
        f"{measure}_{CHANGE}": attending - plain,
    }


def _mean(part: pd.DataFrame, measure: str, test_share: float) -> dict[str, float]:
    pair = part[[f"{measure}_{PLAIN}", f"{measure}_{ATTENTION}"]].dropna().to_numpy(float)
    if len(pair) < 2:
        return {}
    change, p, (low, high) = corrected_t_test(pair[:, 1], pair[:, 0], test_share)
    return {
        f"{measure}_{PLAIN}": float(np.mean(pair[:, 0])),
        f"{measure}_{ATTENTION}": float(np.mean(pair[:, 1])),
        f"{measure}_{CHANGE}": change,
        f"{measure}_{CHANGE}_low": low,
        f"{measure}_{CHANGE}_high": high,
        f"{measure}_{CHANGE}_p": p,
    }

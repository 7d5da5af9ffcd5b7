"""The tables beside the leaderboard: what an inspector asks, and what a model costs."""

import pandas as pd

from results.columns import RANKING, in_view, with_bounds
from results.predictions import ROW_KEY
from results.status import Status
from results.views import View

#: Columns of the cost table in another unit: name there, and what one of them holds.
_SCALED = {"flops": ("gflops", 1e9), "model_bytes": ("megabytes", 1e6)}


def inspection_table(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Return the columns with `View.INSPECTION` of each finished row, with their 95% intervals.

    Parameters
    ----------
    leaderboard : DataFrame

    Returns
    -------
    DataFrame
        The key columns that distinguish rows, `roc_auc`, then the rates at the threshold chosen on the
        valid split, overkill at fixed shares of defects found, escapes at fixed overkill, and so on.
    """
    return _take(leaderboard, View.INSPECTION)


def cost_table(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Return what each finished row costs to keep, to train and to run.

    Returns
    -------
    DataFrame
        The key columns that distinguish rows, `roc_auc`, `parameters`, `gflops` per image, `fit_seconds`,
        `images_per_second_1` and `_64` (batch sizes), `megabytes` on disk.
    """
    table = _take(leaderboard, View.COST)
    for name, (scaled, factor) in _SCALED.items():
        if name in table:
            table[name] = table[name] / factor
            table = table.rename(columns={name: scaled})
    return table


def _take(leaderboard: pd.DataFrame, view: View) -> pd.DataFrame:
    done = leaderboard[leaderboard["status"] == Status.OK].reset_index(drop=True)
    key = [name for name in ROW_KEY if name in done and name != "split_kind"
           and (name in ROW_KEY[:3] or done[name].nunique() > 1)]  # fmt: skip
    wanted = [RANKING, *(name for column in in_view(view) for name in with_bounds(column))]
    return done[[*key, *(name for name in wanted if name in done)]].copy()

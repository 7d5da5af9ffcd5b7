"""The tables beside the leaderboard: what an inspector asks, and what a model costs."""

import pandas as pd

from results import metrics
from results.leaderboard import DONE
from results.tables.formats import frame_to_markdown

_KEY = ["model", "features", "weights", "preprocess", "sampling", "repeat"]
_INSPECTION = ["roc_auc", "escape", "escape_low", "escape_high", "overkill", "overkill_low", "overkill_high"]
_COST = [
    "roc_auc", "parameters", "flops", "fit_seconds", "images_per_second_1", "images_per_second_64",
    "model_bytes",
]  # fmt: skip
_METRICS = ("overkill_at", "escapes_at", "expected_cost", "brier", "calibration_error")


def inspection_table(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Return escapes and overkill of each finished row, with 95 % intervals at the threshold chosen.

    Parameters
    ----------
    leaderboard : DataFrame

    Returns
    -------
    DataFrame
        Key columns that say anything, the rates at the threshold chosen on the valid split, overkill at
        fixed shares of defects found, escapes at fixed overkill, cost, Brier score, calibration error.
    """
    asked = [name for name in metrics.names() if name.startswith(_METRICS)]
    return _take(leaderboard, [*_INSPECTION, *asked])


def cost_table(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Return what each finished row costs to keep, to train and to run.

    Returns
    -------
    DataFrame
        Key columns that say anything, `roc_auc`, `parameters`, `gflops` an image, `fit_seconds`,
        `images_per_second_1` and `_64` (batch sizes), `megabytes` on disk.
    """
    table = _take(leaderboard, _COST)
    if table.empty:
        return table
    table.insert(table.columns.get_loc("flops"), "gflops", table.pop("flops") / 1e9)  # type: ignore[arg-type]
    table["megabytes"] = table.pop("model_bytes") / 1e6
    return table


def plain_to_markdown(table: pd.DataFrame) -> str:
    """Return any table as Markdown, numbers with four digits that count."""
    return frame_to_markdown(table.map(_cell).map(lambda cell: cell.replace("|", "\\|")))


def _take(leaderboard: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    done = leaderboard[leaderboard["status"] == DONE].reset_index(drop=True)
    key = [n for n in _KEY if n in done and (n in _KEY[:3] or done[n].nunique() > 1)]
    return done[[*key, *(name for name in columns if name in done)]].copy()


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:.0f}"
    return str(value)

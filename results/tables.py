"""The leaderboard as people read it: terminal, CSV, Markdown."""

from collections.abc import Callable, Hashable
from typing import Any

import pandas as pd
from rich.table import Table

from results import metrics
from results.leaderboard import DONE

_TITLES = {
    "model": "Model", "features": "Features", "weights": "Weights", "split": "Split",
    "n_test": "n", "fit_seconds": "Fit s", "predict_us": "µs/image", "status": "Status",
}  # fmt: skip
_SHOWN = [
    "model", "features", "weights", "roc_auc", "accuracy", "balanced_accuracy",
    "average_precision", "f1", "confusion", "fit_seconds", "predict_us", "status",
]  # fmt: skip
NARROW = 150
_LEFT_OUT_WHEN_NARROW = ("balanced_accuracy", "average_precision", "confusion", "fit_seconds")
_TEXT = ("Model", "Features", "Weights", "Split", "Status")
_DIGITS = {"fit_seconds": 1, "predict_us": 0, "threshold": 3}


def to_rich(table: pd.DataFrame, title: str = "", width: int = 200) -> Table:
    """Return the leaderboard as a rich table; under 150 characters it leaves some columns out."""
    shown = _for_people(table)
    if width < NARROW:
        shown = shown.drop(columns=[_title(name) for name in _LEFT_OUT_WHEN_NARROW])
    rich = Table(title=title, title_justify="left", header_style="bold")
    for column in map(str, shown):
        text = column in _TEXT
        rich.add_column(column, justify="left" if text else "right", no_wrap=column != "Status")
    for number, row in enumerate(shown.itertuples(index=False)):
        rich.add_row(*(str(cell) for cell in row), style="bold" if number == 0 else None)
    return rich


def to_csv(table: pd.DataFrame) -> str:
    """Return the leaderboard as CSV with every digit that matters."""
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def to_markdown(table: pd.DataFrame) -> str:
    """Return the leaderboard as a Markdown table."""
    shown = _for_people(table).map(lambda cell: str(cell).replace("|", "\\|"))
    lines = [
        "| " + " | ".join(shown.columns) + " |",
        "|" + "|".join(" --- " for _ in shown.columns) + "|",
        *("| " + " | ".join(row) + " |" for row in shown.itertuples(index=False)),
    ]
    return "\n".join(lines) + "\n"


def _for_people(table: pd.DataFrame) -> pd.DataFrame:
    """Round, merge the four counts into one column, and drop columns that say one thing only."""
    table = table.copy()
    table["confusion"] = [_confusion(row) for row in table.to_dict("records")]
    extra = [c for c in ("split", "preprocess", "sampling", "repeat") if _varies(table, c)]
    columns = [*_SHOWN[:3], *extra, *_SHOWN[3:]]
    if (table["status"] == DONE).all():
        columns.remove("status")
    shown = pd.DataFrame({name: table[name].map(_formatter(name)) for name in columns})
    return shown.rename(columns=_title)


def _varies(table: pd.DataFrame, column: str) -> bool:
    return column in table and table[column].dropna().nunique() > 1


def _title(name: str) -> str:
    if name == "confusion":
        return "TN FP / FN TP (% of class)"
    return _TITLES.get(name) or (metrics.get_metric(name).title if name in metrics.names() else name)


def _formatter(name: str) -> Callable[[object], str]:
    def show(value: object) -> str:
        if pd.isna(value):  # type: ignore[call-overload]
            return ""
        if isinstance(value, float):
            return f"{value:.{_DIGITS.get(name, 3)}f}"
        return str(value)

    return show


def _confusion(row: dict[Hashable, Any]) -> str:
    counts = [row[name] for name in ("tn", "fp", "fn", "tp")]
    if any(pd.isna(count) for count in counts):
        return ""
    tn, fp, fn, tp = (int(count) for count in counts)
    good, bad = max(tn + fp, 1), max(fn + tp, 1)
    return f"{tn} {fp} / {fn} {tp} ({tn / good:.0%} {fp / good:.0%} / {fn / bad:.0%} {tp / bad:.0%})"

"""What attention to the boxes changes, as the report shows it beside the table of localisation."""

import html
from collections.abc import Hashable
from typing import Any

import pandas as pd

from results.columns import Column, get_column
from results.metrics import localisation
from results.predictions import ROW_KEY
from results.tables.attention import ATTENTION, CHANGE, MEAN, MEASURES, PLAIN
from results.tables.formats import to_html
from results.tables.shown import Shown

_ALWAYS = ("model", "weights")
_NOTE = (
    "A network with attention pays a penalty in training for evidence outside of the boxes and masks. Each "
    "row compares it with the plain network of the same settings on the same test images. Rows of a mean are "
    "over the splits of the run, with the 95% interval of the change (corrected resampled t-test)."
)


def attention_html(table: pd.DataFrame) -> str:
    """Return the table of networks with attention as HTML, with a sentence on each mean.

    Parameters
    ----------
    table : DataFrame
        As `results.tables.attention.attention_table`; may be empty.
    """
    if table.empty:
        return ""
    keys = [
        get_column(name)
        for name in ROW_KEY
        if name != "repeat" and (name in _ALWAYS or table[name].astype(str).nunique() > 1)
    ]
    measures = [_measure(name) for name in MEASURES if table[f"{name}_{CHANGE}"].notna().any()]
    headings = [column.title for column in keys] + ["Attention", "Repeat"]
    headings += [f"{column.title}{words}" for column in measures for words in ("", ", attention", ", change")]
    rows = [
        [column.show(record[column.name]) for column in keys]
        + [f"{float(record['attention_weight']):g}", str(record["repeat"])]
        + [cell for column in measures for cell in _cells(record, column)]
        for record in table.to_dict("records")
    ]
    text = [column.is_text for column in keys] + [False] * (len(headings) - len(keys))
    shown = to_html(Shown(headings, rows, text, [record == MEAN for record in table["repeat"].astype(str)]))
    said = "".join(f"<li>{html.escape(line)}</li>" for line in attention_lines(table))
    return (
        "<h3>Attention to the boxes: does it change where networks look?</h3>"
        f"<p class='note'>{_NOTE}</p>"
        + (f"<ul>{said}</ul>" if said else "")
        + f"<div class='wide' tabindex='0' role='region' aria-label='Attention'>{shown}</div>"
    )


def attention_lines(table: pd.DataFrame) -> list[str]:
    """Return a sentence for each network with attention, of the mean over splits where there is one."""
    if table.empty:
        return []
    setting = [name for name in ROW_KEY if name != "repeat"] + ["attention_weight"]
    lines = []
    for _, part in table.groupby(setting, sort=False, dropna=False):
        record = part.iloc[-1].to_dict()
        name = str(record["model"])
        name += "" if record["preprocess"] == "none" else f" under {record['preprocess']}"
        splits = f"mean of {record['repeats']} splits" if str(record["repeat"]) == MEAN else "one split"
        changes = [
            f"{column.title} {_signed(record[f'{column.name}_{CHANGE}'], column)}"
            for column in map(_measure, MEASURES)
            if pd.notna(record[f"{column.name}_{CHANGE}"])
        ]
        lines.append(
            f"{name}, attention {float(record['attention_weight']):g}: {', '.join(changes)} ({splits})."
        )
    return lines


def _measure(name: str) -> Column:
    if name not in localisation.names():
        return get_column(name)
    metric = localisation.get_metric(name)
    return Column(name, metric.title, metric.unit, metric.digits, metric.higher_is_better)


def _cells(record: dict[Hashable, Any], column: Column) -> list[str]:
    """Return the plain value, the value with attention, and the change with its interval."""
    values = [column.show(record[f"{column.name}_{end}"]) for end in (PLAIN, ATTENTION)]
    change, low, high = (record[f"{column.name}_{CHANGE}{end}"] for end in ("", "_low", "_high"))
    if pd.isna(change):
        return [*values, ""]
    interval = "" if pd.isna(low) else f" [{_signed(low, column)}, {_signed(high, column)}]"
    return [*values, _signed(change, column) + interval]


def _signed(value: float, column: Column) -> str:
    """Return a change with its sign; of a share in percentage points."""
    if column.unit == "%":
        return f"{100 * value:+.{column.digits}f} points"
    return f"{value:+.{column.digits}f}"

"""Tables and panels of a run's saved heat maps."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

import results
from bench.run_folder import RunFolder
from features.files import content_hash, write_text
from features.tables import read_saved
from results.predictions import ROW_KEY
from results.tables.localisation import localisation_table


def localisation_of(folder: RunFolder) -> pd.DataFrame:
    """Return the table of localisation; it is computed again only when the maps or the code changed.

    Parameters
    ----------
    folder : RunFolder

    Returns
    -------
    DataFrame
        As `results.tables.localisation.localisation_table`; empty without boxes and masks.
    """
    if not folder.regions.is_file():
        return pd.DataFrame()
    table, mark = folder.path / "cache" / "localisation.csv", folder.path / "cache" / "localisation.json"
    state = json.dumps({"fingerprint": _fingerprint(folder)})
    if table.is_file() and mark.is_file() and mark.read_text(encoding="utf-8") == state:
        return read_localisation(table)
    found = localisation_table(folder.saved_maps(), pd.read_parquet(folder.regions))
    if len(found):
        table.parent.mkdir(parents=True, exist_ok=True)
        write_text(table, found.to_csv(index=False, lineterminator="\n"))
        write_text(mark, state)
    return found


def read_localisation(path: Path) -> pd.DataFrame:
    """Read a table of localisation from CSV; empty where there is none.

    A measure that no row has, such as every measure of the regions where a crop removes all of them, is NaN.
    """
    if not path.is_file():
        return pd.DataFrame()
    return _with_numbers(read_saved(path), [*ROW_KEY, "method", "label"])


def read_attention(path: Path) -> pd.DataFrame:
    """Read a table of networks with attention from CSV; empty where there is none."""
    return _with_numbers(read_saved(path), [*ROW_KEY]) if path.is_file() else pd.DataFrame()


def panels_of(folder: RunFolder) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the panels of heat maps and the regions that a run has saved, empty without any."""
    frames = [pd.read_parquet(path) if path.is_file() else pd.DataFrame() for path in
              (folder.panels, folder.regions)]  # fmt: skip
    return frames[0], frames[1]


def _with_numbers(table: pd.DataFrame, texts: list[str]) -> pd.DataFrame:
    """Return a table whose columns without any value are NaN, except those of text."""
    for name in table.columns.difference(texts):
        if (table[name] == "").all():
            table[name] = np.nan
    return table


def _fingerprint(folder: RunFolder) -> str:
    rooms = [Path(path) for path in results.__path__]
    code = [file for room in rooms for file in sorted((room / "metrics" / "localisation").glob("*.py"))]
    code += [room / "tables" / "localisation.py" for room in rooms]
    maps = [*sorted(folder.maps.glob("*.parquet")), folder.regions, folder.path / "jobs.json"]
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in (*code, *maps)]
    return content_hash(json.dumps(states).encode())

"""The leaderboard of a run as it was written last, read again while nothing it depends on has changed."""

import json
from importlib.metadata import version
from pathlib import Path

import pandas as pd

import results
from bench.outputs.checks import board_of, runs_beside
from bench.run_folder import RunFolder
from features.files import atomic_path, content_hash, write_text

_LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "statsmodels")
_READ = (
    "predictions/*.parquet", "jobs/*.json", "clusters/*.parquet", "jobs.json", "config.json", "split.parquet",
    "maps/*.parquet", "regions.parquet", "curve/*.parquet", "properties.parquet", "structure.json",
    "searches/*.parquet", "embeddings/*.parquet", "history/*.parquet", "audits/*.parquet", "tables/*",
)  # fmt: skip


def leaderboard_of(folder: RunFolder) -> pd.DataFrame:
    """Return the leaderboard of a run; write its tables unless they are written and up to date.

    Computing the leaderboard needs scientific libraries that take seconds to import. What was computed
    is kept in the run's folder, with a fingerprint of everything that it depends on: the files of the
    run, the tables, the code of `results` and the versions of the libraries.

    Parameters
    ----------
    folder : RunFolder

    Returns
    -------
    DataFrame
        As `results.leaderboard.leaderboard`.
    """
    board, mark = folder.path / "cache" / "leaderboard.parquet", folder.path / "cache" / "leaderboard.json"
    if board.is_file() and mark.is_file() and _fingerprint(folder) == _read(mark):
        return pd.read_parquet(board)
    from bench.outputs.write import write_tables

    table = write_tables(folder)
    mark.unlink(missing_ok=True)
    board.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(board) as temporary:
        table.to_parquet(temporary, index=False)
    # A table that Parquet does not give back as it was is computed again each time.
    if _equal(pd.read_parquet(board), table):
        write_text(mark, json.dumps({"fingerprint": _fingerprint(folder)}))
    return table


def _equal(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    kinds = [frame.select_dtypes("number").dtypes.to_dict() for frame in (one, other)]
    return kinds[0] == kinds[1] and one.to_csv() == other.to_csv()


def _read(mark: Path) -> str:
    try:
        return str(json.loads(mark.read_text())["fingerprint"])
    except (ValueError, KeyError, TypeError):
        return ""


def _fingerprint(folder: RunFolder) -> str:
    """Return a hash of what the tables are made of, and of the tables themselves."""
    code = [*(Path(path) for path in results.__path__), Path(__file__).parent]
    files = [file for package in code for suffix in ("py", "csv") for file in package.rglob(f"*.{suffix}")]
    files += [file for part in folder.repeats() for pattern in _READ for file in part.path.glob(pattern)]
    files += [board_of(other) for other in runs_beside(folder)]
    states = [(str(file), stat.st_size, stat.st_mtime_ns) for file in sorted(files) for stat in [file.stat()]]
    versions = [(name, version(name)) for name in _LIBRARIES]
    return content_hash(json.dumps([states, versions]).encode())

"""Whether the files that a run was made of are still the same."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from bench.run_folder import RunFolder
from features.errors import InputError
from features.pixels.images import file_content, read_bytes

#: What changes when a file is written again; a file that has the same values is not read.
STAT = ["size", "mtime_ns", "inode"]
_REMEDY = "restore them, choose another --name, or remove the folder"


def record_files(folder: RunFolder, paths: Sequence[str], content: Sequence[str]) -> None:
    """Record the state of the files that a run is made of, damaged ones included.

    Parameters
    ----------
    folder : RunFolder
        Gets `files.parquet`.
    paths : sequence of str
    content : sequence of str
        Hash of each file's bytes; empty where it is not known.
    """
    frame = pd.DataFrame({"path": list(paths), "content": list(content), **_stat(paths)})
    unknown = frame["content"] == ""
    frame.loc[unknown, "content"] = _hash_all(frame.loc[unknown, "path"].tolist())
    folder.write_frame(folder.files, frame)


def check_files(folder: RunFolder, paths: Sequence[str], content: Sequence[str]) -> None:
    """Check that files still hold what they held when the run was made.

    Only files whose size, modification time, or inode differ from the recorded ones are read again.

    Parameters
    ----------
    folder : RunFolder
        Its `files.parquet` is brought up to date; a run of an older version has none, and then every
        file is read once.
    paths : sequence of str
        Where the files are now.
    content : sequence of str
        Hash that each file had; empty for one that is only known from `files.parquet`.

    Raises
    ------
    InputError
        When files changed; the line says how many, names the first, and gives the remedy.
    """
    now = pd.DataFrame({"path": list(paths), "content": list(content), **_stat(paths)})
    if folder.files.is_file():
        before = pd.read_parquet(folder.files).drop_duplicates("path").set_index("path")
        was = before.reindex(now["path"]).reset_index()
        now["content"] = now["content"].where(now["content"] != "", was["content"].fillna(""))
        same = (was[STAT].to_numpy() == now[STAT].to_numpy()).all(axis=1)
    else:
        same = pd.Series(False, index=now.index).to_numpy()
    suspect = now[~same]
    found = _hash_all(suspect["path"].tolist())
    differs = (suspect["content"] != "") & (suspect["content"].to_numpy() != found)
    if differs.any():
        first = suspect["path"][differs].iloc[0]
        count = f"{differs.sum()} files changed since this run was made, the first {first}"
        raise InputError(f"{folder.path}: {count}; {_REMEDY}")
    if len(suspect):
        now.loc[suspect.index, "content"] = found
        folder.write_frame(folder.files, now)


def _stat(paths: Sequence[str]) -> dict[str, list[int]]:
    found = [_stat_of(path) for path in paths]
    return {name: [row[column] for row in found] for column, name in enumerate(STAT)}


def _stat_of(path: str) -> tuple[int, int, int]:
    try:
        state = Path(path).stat()
    except OSError:
        return -1, -1, -1
    return state.st_size, state.st_mtime_ns, state.st_ino


def _hash_all(paths: list[str]) -> list[str]:
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(_hash, paths))


def _hash(path: str) -> str:
    try:
        return file_content(read_bytes(path))
    except (OSError, InputError):
        return "unreadable"

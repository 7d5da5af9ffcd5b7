"""The DARTS cells that a run has saved."""

import json
from typing import Any

import pandas as pd

from bench.jobs import SearchCellJob
from bench.run_folder import RunFolder
from results.feature_set import IMAGENET, RANDOM


def genotypes_of(folder: RunFolder) -> dict[str, dict[str, Any]]:
    """Return the genotypes that a run searched for or was given, by the names of their cells.

    Random cells, of which there are many, are left out.
    """
    found: dict[str, dict[str, Any]] = {}
    for record in folder.records():
        fields = record["fields"]
        path = folder.genotype_path(record["id"])
        if path.is_file() and not _name(fields).startswith(RANDOM):
            found.setdefault(_name(fields), json.loads(path.read_text(encoding="utf-8")))
    return found


def searches_of(folder: RunFolder) -> pd.DataFrame:
    """Return the histories of a run's searches, with the name of the cell in front; empty without one."""
    frames = []
    for record in folder.records():
        path = folder.history_path(record["id"])
        if record["kind"] == SearchCellJob.kind_name() and path.is_file():
            frame = pd.read_parquet(path)
            frame.insert(0, "cell", _name(record["fields"]))
            frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _name(fields: dict[str, Any]) -> str:
    preprocess = fields.get("preprocess", "none")
    cell = fields.get("cell") or IMAGENET
    return cell if preprocess == "none" else f"{cell}, {preprocess}"

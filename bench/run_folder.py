"""A run's folder: what lies where in it, and how it gets there."""

import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from pydantic import ValidationError

from bench.config import RunConfig
from features.errors import InputError
from features.files import atomic_path, content_hash, write_changed, write_text
from results.predictions import ROW_KEY, Row, ids_of, read_predictions, rows_of, tell_weights_apart, to_table
from results.status import Status

_LIBRARIES = (
    "defectbench", "torch", "torchvision", "scikit-learn", "scikit-learn-intelex", "xgboost", "skorch",
    "numpy", "pandas", "pyarrow", "umap-learn", "opentsne",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Parameters
    ----------
    status : Status
    reason : str
        Why it was not run, or why it failed; empty otherwise.
    seconds : float
        Duration.
    row : dict, optional
        The leaderboard's key columns of a job that makes a row.
    read : tuple of str, optional
        Ids of the jobs of `Job.reads` that had ended well; None for outcomes that were saved before it was
        recorded.
    """

    status: Status
    reason: str = ""
    seconds: float = 0.0
    row: dict[str, Any] | None = None
    read: tuple[str, ...] | None = None

    @property
    def text(self) -> str:
        """The status and its reason, as tables show them."""
        return self.status.describe(self.reason)

    @property
    def ok(self) -> bool:
        """Whether the job ended well."""
        return self.status is Status.OK


class RunFolder:
    """The files of one run.

    Parameters
    ----------
    path : str or Path
        The folder; it need not exist yet.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.split = self.path / "split.parquet"
        self.files = self.path / "files.parquet"
        self.properties = self.path / "properties.parquet"
        self.problems = self.path / "problems.csv"
        self.tables = self.path / "tables"
        self.maps = self.path / "maps"
        self.regions = self.path / "regions.parquet"
        self.region_counts = self.path / "region_counts.parquet"
        self.panels = self.path / "panels.parquet"
        self.figures = self.path / "figures"
        self.report = self.path / "report.html"

    @classmethod
    def existing(cls, path: str | Path) -> "RunFolder":
        """Return the folder of a run that was made before; `InputError` when there is none."""
        folder = cls(path)
        if not folder.split.is_file():
            raise InputError(f"{path}: not a run's folder (no split.parquet); make one with defectbench run")
        return folder

    def write_config(self, config: RunConfig) -> None:
        """Write the resolved configuration."""
        write_changed(self.path / "config.json", config.model_dump_json(indent=2) + "\n")

    def write_manifest(self, config: RunConfig, records: list[dict[str, Any]], credit: str = "") -> None:
        """Write the resolved configuration, the versions, the commit, the credit and the list of jobs.

        Parameters
        ----------
        config : RunConfig
        records : list of dict
            The jobs, as `bench.engine.job.to_record` returns them.
        credit : str
            Source and licence of the images.
        """
        self.write_config(config)
        environment = {**_environment(config), "credit": credit}
        write_changed(self.path / "environment.json", json.dumps(environment, indent=2) + "\n")
        write_changed(self.path / "jobs.json", json.dumps(records, indent=2) + "\n")

    def records(self) -> list[dict[str, Any]]:
        """Return the run's list of jobs as records with `id`, `kind`, `title` and `fields`."""
        return _read_json(self.path / "jobs.json")

    def job_ids(self) -> list[str]:
        """Return the ids of the run's list of jobs."""
        return [record["id"] for record in self.records()]

    def config(self) -> RunConfig:
        """Return the configuration that the run was last made with."""
        path = self.path / "config.json"
        try:
            return RunConfig.model_validate(_read_json(path))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(
                f"{path}: {where}: {first['msg']}; run it with the version that made it, or remove the folder"
            ) from None

    def read_split(self) -> pd.DataFrame:
        """Return the run's images: image_id, path, content, label, y, split and what else there is."""
        return pd.read_parquet(self.split)

    def write_frame(self, path: Path, frame: pd.DataFrame) -> None:
        """Write a table as Parquet, whole or not at all."""
        with atomic_path(path) as temporary:
            frame.to_parquet(temporary, index=False)

    def write_predictions(self, job_id: str, frame: pd.DataFrame) -> None:
        """Validate the predictions of a job and write them."""
        table = to_table(frame, ids_of(self.read_split()))
        with atomic_path(self.predictions_path(job_id)) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def predictions_path(self, job_id: str) -> Path:
        """Where the predictions of a job are."""
        return self.path / "predictions" / f"{job_id}.parquet"

    def curve_path(self, job_id: str) -> Path:
        """Where the point of a learning curve is."""
        return self.path / "curve" / f"{job_id}.parquet"

    def projection_path(self, job_id: str) -> Path:
        """Where the projections of a job are."""
        return self.path / "projections" / f"{job_id}.parquet"

    def audit_path(self, job_id: str) -> Path:
        """Where the label audit of a job is."""
        return self.path / "audits" / f"{job_id}.parquet"

    def clusters_path(self, job_id: str) -> Path:
        """Where the clusters of a job are."""
        return self.path / "clusters" / f"{job_id}.parquet"

    def maps_path(self, job_id: str, method: str) -> Path:
        """Where the heat maps of a model by one method are."""
        return self.maps / f"{job_id}-{method}.parquet"

    def boxes_path(self, job_id: str) -> Path:
        """Where the boxes that a detector found are."""
        return self.path / "boxes" / f"{job_id}.parquet"

    def model_path(self, job_id: str) -> Path:
        """Where the model of a job is saved."""
        return self.path / "models" / job_id

    def history_path(self, job_id: str) -> Path:
        """Where the training history of a job is."""
        return self.path / "history" / f"{job_id}.parquet"

    def genotype_path(self, job_id: str) -> Path:
        """Where the genotype that a job searched for, or trained, is."""
        return self.path / "cells" / job_id / "genotype.json"

    def log_path(self, job_id: str) -> Path:
        """Where the traceback of a failed job is."""
        return self.path / "logs" / f"{job_id}.txt"

    def search_table_path(self, job_id: str) -> Path:
        """Where the scores of a grid search are."""
        return self.path / "searches" / f"{job_id}.parquet"

    def embedding_facts_path(self, job_id: str) -> Path:
        """Where the facts about a set of embeddings are."""
        return self.path / "embeddings" / f"{job_id}.parquet"

    def checkpoint_path(self, job_id: str) -> Path:
        """Where a training leaves its state after each epoch."""
        return self.path / "checkpoints" / f"{job_id}.pt"

    def search_path(self, job_id: str) -> Path:
        """Where a grid search leaves its finished blocks."""
        return self.path / "checkpoints" / job_id

    def write_outcome(self, job_id: str, outcome: Outcome) -> None:
        """Record how a job ended."""
        record = {"id": job_id, "status": outcome.text, "seconds": outcome.seconds, "row": outcome.row}
        if outcome.read is not None:
            record["read"] = list(outcome.read)
        write_changed(self._outcome_path(job_id), json.dumps(record, indent=2) + "\n")

    def outcome(self, job_id: str) -> Outcome | None:
        """Return how a job ended, None when it has not been run."""
        path = self._outcome_path(job_id)
        if not path.is_file():
            return None
        record = _read_json(path)
        status, reason = Status.of(record["status"])
        read = tuple(record["read"]) if "read" in record else None
        return Outcome(status, reason, record["seconds"], record["row"], read)

    def is_ok(self, job_id: str) -> bool:
        """Return whether a job has ended well."""
        outcome = self.outcome(job_id)
        return outcome is not None and outcome.ok

    def predictions(self) -> pd.DataFrame:
        """Return the predictions of all jobs on the run's list that ended well."""
        paths = [self.predictions_path(job_id) for job_id in self.job_ids() if self.is_ok(job_id)]
        found = [path for path in paths if path.is_file()]
        return read_predictions(found, ids_of(self.read_split()) if self.split.is_file() else None)

    def row(self, job_id: str) -> Row:
        """Return the predictions of one finished model."""
        (row,) = rows_of(pd.read_parquet(self.predictions_path(job_id)))
        return row

    def repeat(self, number: int) -> "RunFolder":
        """Return the folder of another split of this run, counted from 1."""
        return RunFolder(self.path / "repeats" / str(number))

    def repeats(self) -> list["RunFolder"]:
        """Return this run's folder and those of its other splits."""
        others = [self.repeat(number) for number in range(1, self.config().repeats)]
        return [self, *(folder for folder in others if folder.split.is_file())]

    def statuses(self) -> pd.DataFrame:
        """Return the leaderboard's key columns and the status of jobs on the list that made no row."""
        outcomes = [self.outcome(job_id) for job_id in self.job_ids()]
        missing = [each for each in outcomes if each and each.row and not each.ok]
        return pd.DataFrame([{**(each.row or {}), "status": each.text} for each in missing])

    def is_drawn(self) -> bool:
        """Return whether figures and report show the rows that the run has now."""
        drawn = self._drawn_path()
        return (
            self.report.is_file()
            and drawn.is_file()
            and drawn.read_text(encoding="utf-8").strip() == self._rows_hash()
        )

    def mark_drawn(self) -> None:
        """Record which rows figures and report show."""
        write_text(self._drawn_path(), self._rows_hash() + "\n")

    def _drawn_path(self) -> Path:
        return self.figures / ".drawn"

    def _rows_hash(self) -> str:
        """Return a hash over the listed jobs of every split and how they ended."""
        rows = []
        for folder in self.repeats():
            outcomes = {job_id: folder.outcome(job_id) for job_id in folder.job_ids()}
            rows.append([[job_id, ended.text if ended else ""] for job_id, ended in outcomes.items()])
        if ignored := self.config().checks.ignore:
            # The report leaves these out.
            rows.append([["checks", code] for code in ignored])
        return content_hash(json.dumps(rows).encode())

    def projections(self) -> pd.DataFrame:
        """Return the projections of all jobs on the run's list."""
        return self._gather(self.projection_path)

    def clusters(self) -> pd.DataFrame:
        """Return how the clusters of all feature sets agree with the labels."""
        return self._gather(self.clusters_path)

    def embedding_facts(self) -> pd.DataFrame:
        """Return what was seen of all sets of embeddings; empty for a run of an older version."""
        return self._gather(self.embedding_facts_path)

    def saved_maps(self, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield the heat maps of each model on the run's list, one model at a time.

        Parameters
        ----------
        columns : list of str, optional
            The columns to read; all by default.

        Yields
        ------
        DataFrame
            Its weights are named as in `predictions`, which tells files of one name apart.
        """
        weights = self._weights_names()
        for job_id in self.job_ids():
            for path in sorted(self.maps.glob(f"{job_id}-*.parquet")):
                frame = pd.read_parquet(path, columns=columns)
                yield frame.assign(weights=weights[job_id]) if job_id in weights else frame

    def _weights_names(self) -> dict[str, str]:
        """Return the name of the weights of each job in `predictions`."""
        rows = []
        for job_id in self.job_ids():
            path = self.predictions_path(job_id)
            if self.is_ok(job_id) and path.is_file():
                known = [name for name in (*ROW_KEY, "weights_sha256") if name in pq.read_schema(path).names]
                rows.append(pq.ParquetFile(path).read_row_group(0, known).slice(0, 1).to_pandas().astype(str))
                rows[-1]["job"] = job_id
        if not rows:
            return {}
        named = tell_weights_apart(pd.concat(rows, ignore_index=True).fillna(""))
        return dict(zip(named["job"], named["weights"], strict=True))

    def boxes(self) -> pd.DataFrame:
        """Return the boxes of all detectors on the run's list."""
        return self._gather(self.boxes_path)

    def _gather(self, place: Callable[[str], Path]) -> pd.DataFrame:
        paths = [place(job_id) for job_id in self.job_ids()]
        frames = [pd.read_parquet(path) for path in paths if path.is_file()]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def _outcome_path(self, job_id: str) -> Path:
        return self.path / "jobs" / f"{job_id}.json"


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; make the run again with defectbench run") from None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); remove it and run again") from None


def _environment(config: RunConfig) -> dict[str, Any]:
    return {
        "seed": config.seed,
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """Return the git commit of the source tree, with + when it has changes; empty outside of one."""
    here = Path(__file__).resolve().parent
    git = ["git", "-C", str(here)]
    try:
        tracked = subprocess.run([*git, "ls-files", "--error-unmatch", __file__], capture_output=True)
        if tracked.returncode:
            return ""
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True)
    except OSError:
        return ""
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")

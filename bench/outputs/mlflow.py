"""A finished run in MLflow, on request."""

import json
import math
import os
from collections.abc import Hashable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from bench.run_folder import RunFolder
from features.errors import InputError
from features.files import content_hash
from results.columns import in_view
from results.status import Status
from results.views import View

URI_VARIABLE = "MLFLOW_TRACKING_URI"
FOLDER_TAG = "defectbench.folder"
ROW_TAG = "defectbench.row"


def track_mlflow(folder: RunFolder, leaderboard: pd.DataFrame) -> str:
    """Log each finished row as an MLflow run, with the tables, figures and report of the whole.

    A row that was logged before is not logged again: the run folder and each row are found by their tags.

    Parameters
    ----------
    folder : RunFolder
    leaderboard : DataFrame

    Returns
    -------
    str
        The tracking URI: MLFLOW_TRACKING_URI, else an SQLite file `mlflow.db` beside the run's folder.

    Raises
    ------
    InputError
        When the package `mlflow` is not installed.
    """
    try:
        import mlflow
    except ImportError:
        raise InputError("--track mlflow needs the package mlflow: pip install defectbench[track]") from None
    place = folder.path.resolve().parent
    # Asked before MLflow sets the variable itself.
    given = os.environ.get(URI_VARIABLE)
    uri = given or f"sqlite:///{place / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    config = folder.config()
    name = f"defectbench {config.name}"
    if mlflow.get_experiment_by_name(name) is None:
        artifacts = None if given else (place / "mlflow-artifacts").as_uri()
        mlflow.create_experiment(name, artifact_location=artifacts)
    experiment = mlflow.set_experiment(name).experiment_id
    here = str(folder.path.resolve())
    (parent,) = _run_ids(mlflow, experiment, FOLDER_TAG, here)[:1] or (None,)
    with mlflow.start_run(run_id=parent, run_name=None if parent else config.name) as run:
        mlflow.set_tag(FOLDER_TAG, here)
        mlflow.log_params({"seed": config.seed, "dataset": config.dataset.name, "split": config.split_name})
        for part in (folder.tables, folder.figures, folder.report):
            _log(mlflow, part)
        for row in leaderboard[leaderboard["status"] == Status.OK].to_dict("records"):
            _log_row(mlflow, experiment, run.info.run_id, row)
    return uri


def _log_row(mlflow: ModuleType, experiment: str, parent: str, row: dict[Hashable, Any]) -> None:
    tracked = [column for column in in_view(View.TRACK) if column.name in row]
    words = {column.name: str(row[column.name]) for column in tracked if column.is_text}
    numbers = {column.name: float(row[column.name]) for column in tracked if not column.is_text}
    measured = {name: value for name, value in numbers.items() if math.isfinite(value)}
    tag = content_hash(json.dumps([parent, words, measured], sort_keys=True).encode())
    if _run_ids(mlflow, experiment, ROW_TAG, tag):
        return
    with mlflow.start_run(run_name=f"{row['model']} {row['features']} {row['weights']}", nested=True):
        mlflow.set_tag(ROW_TAG, tag)
        mlflow.log_params(words)
        mlflow.log_metrics(measured)


def _run_ids(mlflow: ModuleType, experiment: str, tag: str, value: str) -> list[str]:
    """Return the ids of the runs of an experiment that have this tag."""
    escaped = value.replace("'", "\\'")
    found = mlflow.search_runs(
        [experiment], filter_string=f"tags.`{tag}` = '{escaped}'", output_format="list"
    )
    return [run.info.run_id for run in found]


def _log(mlflow: ModuleType, path: Path) -> None:
    if path.is_dir():
        mlflow.log_artifacts(str(path), path.name)
    elif path.is_file():
        mlflow.log_artifact(str(path))

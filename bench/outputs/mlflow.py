"""A finished run in MLflow, on request."""

import math
import os
from pathlib import Path

import pandas as pd

from bench.run_folder import RunFolder
from features.errors import InputError
from results.columns import in_view
from results.status import Status
from results.views import View

URI_VARIABLE = "MLFLOW_TRACKING_URI"


def track_mlflow(folder: RunFolder, leaderboard: pd.DataFrame) -> str:
    """Log each finished row as an MLflow run, with the tables, figures and report of the whole.

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
    mlflow.set_experiment(name)
    with mlflow.start_run(run_name=config.name):
        mlflow.log_params({"seed": config.seed, "dataset": config.dataset.name, "split": config.split.kind})
        for part in (folder.tables, folder.figures, folder.path / "report.html"):
            _log(mlflow, part)
        for row in leaderboard[leaderboard["status"] == Status.OK].to_dict("records"):
            with mlflow.start_run(run_name=f"{row['model']} {row['features']} {row['weights']}", nested=True):
                tracked = [column for column in in_view(View.TRACK) if column.name in row]
                mlflow.log_params({c.name: row[c.name] for c in tracked if c.is_text})
                measured = {c.name: float(row[c.name]) for c in tracked if not c.is_text}
                mlflow.log_metrics({name: value for name, value in measured.items() if math.isfinite(value)})
    return uri


def _log(mlflow, path: Path) -> None:  # type: ignore[no-untyped-def]
    if path.is_dir():
        mlflow.log_artifacts(str(path), path.name)
    elif path.is_file():
        mlflow.log_artifact(str(path))

"""The learning curves that a run has saved."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.jobs.curve.fit import FitSubsetJob
from bench.jobs.curve.train import TrainSubsetJob
from bench.jobs.registry import from_record
from bench.run_folder import RunFolder
from features.tables import read_saved
from results.curves import HEAD, NETWORK, Curves, Point, make_curves
from results.curves.points import ROW, row_words
from results.feature_set import END_TO_END
from results.predictions import is_good_only, rows_of
from results.status import Status

_KINDS = {FitSubsetJob.kind_name(): HEAD, TrainSubsetJob.kind_name(): NETWORK}


def curves_of(folder: RunFolder) -> Curves:
    """Return the tables of a run's learning curves from its saved points; empty for other runs."""
    config = folder.config()
    if not config.curve.enabled:
        return Curves()
    points = [*_subsets(folder), *_wholes(folder)]
    return make_curves(points, list(_failed(folder)), config.curve.by)


def saved_curves(folder: RunFolder) -> Curves:
    """Return the tables of a run's learning curves as they were written last; empty for other runs."""
    frames = {}
    for name in Curves().tables():
        path = folder.tables / f"{name}.csv"
        frames[name] = read_saved(path) if path.is_file() else pd.DataFrame()
    return Curves.from_tables(frames)


def _subsets(folder: RunFolder) -> Iterator[Point]:
    for record in folder.records():
        if record["kind"] in _KINDS and folder.is_ok(record["id"]):
            path = folder.curve_path(record["id"])
            if path.is_file():
                yield Point.from_frame(pd.read_parquet(path))


def _wholes(folder: RunFolder) -> Iterator[Point]:
    """Yield the rows of the leaderboard: models fitted on the whole train split, one draw each."""
    predictions = folder.predictions()
    if predictions.empty:
        return
    images = folder.read_split()
    counts = {name: int((images["split"] == name).sum()) for name in ("train", "valid")}
    defects = {name: int(images.loc[images["split"] == name, "y"].sum()) for name in ("train", "valid")}
    by_defects = folder.config().curve.by == "defects"
    folds = folder.config().classical.folds
    for row in rows_of(predictions):
        if is_good_only(row):
            # Detectors learn from no label, so they have no curve over labels.
            continue
        numbers = {
            "size": defects["train"] if by_defects else counts["train"], "draw": 0,
            "train": counts["train"], "valid": counts["valid"],
            "train_defects": defects["train"], "valid_defects": defects["valid"],
            "seconds": float(str(row.constant("fit_seconds"))),
        }  # fmt: skip
        names = {name: str(row.key[name]) for name in ROW}
        settings = "" if names["features"] == END_TO_END else f"search, {folds} folds"
        yield Point(names, numbers, settings, row.frame)


def _failed(folder: RunFolder) -> Iterator[dict[str, Any]]:
    for record in folder.records():
        outcome = folder.outcome(record["id"]) if record["kind"] in _KINDS else None
        if outcome is None or outcome.status is not Status.FAILED:
            continue
        job = from_record(record)
        assert isinstance(job, FitSubsetJob | TrainSubsetJob)
        base = folder.outcome(job.base.id)
        row = base.row if base and base.row else None
        yield {
            "row": row_words(row) if row else job.base.title, "kind": _KINDS[record["kind"]],
            "size": job.size, "draw": job.draw, "status": outcome.text,
        }  # fmt: skip

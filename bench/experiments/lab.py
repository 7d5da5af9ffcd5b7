"""The folder of an experiment: runs its settings and reports their results."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.config import RunConfig
from bench.engine.adapt import adapt
from bench.engine.context import Context
from bench.engine.job import Job, to_record
from bench.engine.prepare import prepare
from bench.engine.runner import run_jobs
from bench.jobs import FitJob, PatchesJob, TrainJob, as_params, train_job
from bench.jobs.start import starting_weights
from bench.outputs.write import write_figure
from bench.run_folder import RunFolder
from features.errors import InputError
from features.files import write_text
from features.store.store import open_store
from results.columns import RANKING, get_column, in_view, with_bounds
from results.figures.confusion import confusions_figure
from results.figures.tuning import tuning_figure
from results.leaderboard import leaderboard, scored
from results.predictions import read_predictions, rows_of
from results.status import Status
from results.tables.formats import to_csv, to_markdown
from results.tables.shown import plain
from results.views import View

_OWN = ["stage", "setting", "last_loss", "best_epoch", "valid_auc"]


@dataclass(frozen=True)
class Setting:
    """One row of an experiment: its stage, the words for it, and its job."""

    stage: str
    words: str
    job: FitJob | PatchesJob | TrainJob


class Lab:
    """The folder of an experiment: runs its settings and reports their results."""

    def __init__(self, config: RunConfig, name: str, out: str | Path):
        config = config.model_copy(update={"name": f"{config.name}-{name}"})
        self.folder = RunFolder(Path(out) / config.name)
        self.dataset, images = prepare(config, self.folder)
        self.config = adapt(config, images)
        self.context = Context(self.config, self.folder, images, open_store())
        self.weights = starting_weights(self.config, self.context)
        self.settings: list[Setting] = []
        self.jobs: list[Job] = []

    def network(self, model: str, preprocess: str = "none", sampling: str = "all") -> TrainJob:
        """Return the job that trains `model` as the configuration says."""
        return train_job(self.config, model, preprocess, sampling, self.weights, self.dataset.symmetric)

    def vary(self, job: TrainJob, variant: str, **params: Any) -> TrainJob:
        """Return `job` with other parameters, named `variant` in tables."""
        return replace(job, variant=variant, params=as_params({**dict(job.params), **params}))

    def measure(self, settings: list[Setting]) -> None:
        """Run what is missing of the settings, after those before."""
        self.settings += settings
        for setting in settings:
            self.jobs += [*setting.job.needs, setting.job]
        self.jobs = list(dict.fromkeys(self.jobs))
        self.folder.write_manifest(self.config, [to_record(job) for job in self.jobs])
        run_jobs(self.jobs, self.context)

    def best(self, stage: str) -> Setting:
        """Return the stage's setting with the best valid AUC; the first of equal ones."""
        rows = [(self._row(each), each) for each in self.settings if each.stage == stage]
        done = [pair for pair in rows if pair[0]["status"] == Status.OK]
        if not done:
            raise InputError(f"{self.folder.path}: every setting of {stage} failed; see its logs folder")
        return max(done, key=lambda pair: float(pair[0]["valid_auc"]))[1]

    def finish(self, title: str) -> pd.DataFrame:
        """Write the table and the figures; return the table."""
        table = pd.DataFrame([self._row(setting) for setting in self.settings]).reindex(columns=_columns())
        stages = list(dict.fromkeys(table["stage"]))
        winners = {stage: self.best(stage).words for stage in stages if self._any_done(stage)}
        table["chosen"] = [winners.get(s) == w for s, w in zip(table["stage"], table["setting"], strict=True)]
        write_text(self.folder.tables / "experiment.csv", to_csv(table))
        write_text(self.folder.tables / "experiment.md", to_markdown(plain(table)))
        chosen = table[table["chosen"]]
        figures = {
            "experiment": tuning_figure(table[table["status"] == Status.OK], title),
            "confusion": confusions_figure(
                {f"{row['stage']}: {row['setting']}": (row["tn"], row["fp"], row["fn"], row["tp"])
                 for row in (chosen if len(stages) > 1 else table).to_dict("records")
                 if row["status"] == Status.OK}
            ),
        }  # fmt: skip
        for name, figure in figures.items():
            write_figure(figure, self.folder.figures, name)
        return table

    def _any_done(self, stage: str) -> bool:
        return any(self.folder.is_ok(each.job.id) for each in self.settings if each.stage == stage)

    def _row(self, setting: Setting) -> dict[str, Any]:
        job = setting.job
        outcome = self.folder.outcome(job.id)
        row: dict[str, Any] = {"stage": setting.stage, "setting": setting.words}
        if outcome is None or not outcome.ok:
            return {**row, "status": outcome.text if outcome else Status.NOT_RUN.describe()}
        predictions = read_predictions([self.folder.predictions_path(job.id)])
        (measured,) = leaderboard(predictions).to_dict("records")
        (model,) = rows_of(predictions)
        row |= {name: measured[name] for name in _columns() if name in measured}
        row["valid_auc"] = scored(model).valid_auc
        if isinstance(job, TrainJob):
            history = pd.read_parquet(self.folder.history_path(job.id))
            row["last_loss"] = float(history["last_loss"].iloc[-1])
            row["best_epoch"] = json.loads(str(measured["params"]))["best_epoch"]
        return row


def _columns() -> list[str]:
    measured = [column.name for column in in_view(View.EXPERIMENT)]
    return [*_OWN, *with_bounds(get_column(RANKING)), *measured, "chosen", "status"]

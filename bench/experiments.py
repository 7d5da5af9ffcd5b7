"""Named experiments: one network's tuning, and one factor's values over one model."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

import classifiers
from bench.config import RunConfig
from bench.context import Context
from bench.jobs import FitJob, Job, TrainJob, as_params, build_jobs, train_job
from bench.outputs import write_figure
from bench.prepare import prepare
from bench.run import cnn_weights
from bench.run_folder import OK, RunFolder
from bench.runner import run_jobs
from features.errors import InputError
from features.files import write_text
from features.store import open_store
from results.figures.confusion import confusions_figure
from results.figures.tuning import tuning_figure
from results.leaderboard import leaderboard, scored
from results.predictions import read_predictions, rows_of
from results.tables import frame_to_markdown

DROPOUTS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)
DENSE = tuple(
    (first, second)
    for first in (1500, 1000, 600, 400, 200)
    for second in (1000, 500, 100, 50, 10)
    if second < first
)

_BARE: dict[str, Any] = {
    "dropout": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "augment": "none", "tta": "none",
    "patience": 0, "keep_best": False, "schedule": "constant",
}  # fmt: skip
#: Each switch of the reports alone, from a network without any.
REGULARISATION: dict[str, dict[str, Any]] = {
    "none": {},
    "dropout": {"dropout": 0.3},
    "L2": {"weight_decay": 0.05},
    "label smoothing": {"label_smoothing": 0.1},
    "augmentation": {"augment": "rotate,affine,brightness,contrast"},
    "schedule": {"schedule": "cosine"},
    "best epoch": {"keep_best": True},
    "early stopping": {"patience": 5, "keep_best": True},
}
FACTORS = ("sampling", "preprocess", "weights", "regularisation")
_COLUMNS = [
    "stage", "setting", "last_loss", "best_epoch", "valid_auc", "roc_auc", "roc_auc_low", "roc_auc_high",
    "accuracy", "tn", "fp", "fn", "tp", "fit_seconds", "chosen", "status",
]  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """One row of an experiment: its stage, the words for it, and its job."""

    stage: str
    words: str
    job: FitJob | TrainJob


def tune(config: RunConfig, model: str = "simple_cnn", out: str | Path = "runs") -> pd.DataFrame:
    """Repeat the CNN report's search: dropout first, then the sizes of the two dense layers.

    Parameters
    ----------
    config : RunConfig
        Dataset, split, seed, and in `cnn` what else is to be changed of the network.
    model : str
        A network with the parameters `dropout` and `dense`.
    out : str or Path
        The folder `NAME-tune-MODEL` is made in it.

    Returns
    -------
    DataFrame
        A row for the network before, one for each dropout, one for each pair of dense layers with the
        best dropout: mean training loss of the last ten batches, valid AUC, which chooses, and what the
        test split says, which does not.
    """
    params = classifiers.make_classifier(model).get_params()
    if not {"dropout", "dense"} <= set(params):
        raise InputError(f"model {model}: tuning needs a network with dropout and dense, such as simple_cnn")
    lab = _Lab(config, f"tune-{model}", out)
    before = lab.network(model)
    lab.measure([Setting("before", f"dropout {params['dropout']:g}, {_pair(params['dense'])}", before)])
    lab.measure([
        Setting("dropout", f"{value:g}", lab.vary(before, f"dropout {value:g}", dropout=value))
        for value in DROPOUTS
    ])  # fmt: skip
    dropout = lab.best("dropout").job
    assert isinstance(dropout, TrainJob)
    lab.measure([
        Setting("dense", _pair(pair), lab.vary(dropout, f"dense {_pair(pair)}", dense=pair))
        for pair in DENSE
    ])  # fmt: skip
    return lab.finish(f"{classifiers.get_spec(model).title}: tuning")


def ablate(
    config: RunConfig, model: str, factor: str, values: Sequence[str] = (), out: str | Path = "runs"
) -> pd.DataFrame:
    """Try one factor's values over one model, everything else the same.

    Parameters
    ----------
    config : RunConfig
    model : str
        A name of `classifiers.names()`.
    factor : str
        `sampling`, `preprocess`, `weights`, `regularisation` (each of the reports' switches alone), or a
        constructor parameter of a network.
    values : sequence of str
        What to try; for `regularisation` all by default.
    out : str or Path
        The folder `NAME-ablate-MODEL-FACTOR` is made in it.

    Returns
    -------
    DataFrame
        As for `tune`, a row a value.
    """
    lab = _Lab(config, f"ablate-{model}-{factor}", out)
    lab.measure([Setting(factor, words, job) for words, job in lab.variants(model, factor, values)])
    return lab.finish(f"{classifiers.get_spec(model).title}: {factor}")


class _Lab:
    """An experiment's folder: runs settings, remembers them, tells how they did."""

    def __init__(self, config: RunConfig, name: str, out: str | Path):
        self.config = config.model_copy(update={"name": f"{config.name}-{name}"})
        self.folder = RunFolder(Path(out) / self.config.name)
        self.dataset, images = prepare(self.config, self.folder)
        self.context = Context(self.config, self.folder, images, open_store())
        self.weights = cnn_weights(self.config, self.context)
        self.settings: list[Setting] = []
        self.jobs: list[Job] = []

    def network(self, model: str, preprocess: str = "none", sampling: str = "all") -> TrainJob:
        return train_job(self.config, model, preprocess, sampling, self.weights, self.dataset.symmetric)

    def vary(self, job: TrainJob, variant: str, **params: Any) -> TrainJob:
        return replace(job, variant=variant, params=as_params({**dict(job.params), **params}))

    def variants(
        self, model: str, factor: str, values: Sequence[str]
    ) -> Iterator[tuple[str, FitJob | TrainJob]]:
        spec = classifiers.get_spec(model)
        if not values and factor != "regularisation":
            raise InputError(f"factor {factor}: say which values to try, --values A,B")
        if spec.kind == "classical":
            yield from self._classical(model, factor, values)
            return
        base = self.network(model, self.config.preprocess[0], self.config.sampling[0])
        if factor == "regularisation":
            for name in values or REGULARISATION:
                if name not in REGULARISATION:
                    raise InputError(f"regularisation {name!r}: choose among {', '.join(REGULARISATION)}")
                yield name, self.vary(base, name, **{**_BARE, **REGULARISATION[name]})
        elif factor in ("sampling", "preprocess", "weights"):
            checked = self._checked(factor, values)
            changes: list[dict[str, Any]] = [{factor: value} for value in checked]
            yield from (
                (value, replace(base, **change)) for value, change in zip(checked, changes, strict=True)
            )
        elif factor in classifiers.make_classifier(model).get_params():
            for text in values:
                yield text, self.vary(base, f"{factor} {text}", **{factor: _literal(text)})
        else:
            raise InputError(
                f"factor {factor!r}: choose among {', '.join(FACTORS)} or a parameter of {model}"
            )

    def _classical(
        self, model: str, factor: str, values: Sequence[str]
    ) -> Iterator[tuple[str, FitJob | TrainJob]]:
        if factor not in FACTORS[:3]:
            raise InputError(f"factor {factor!r}: for {model} choose among {', '.join(FACTORS[:3])}")
        for value in self._checked(factor, values):
            section = {"models": (model,)}
            changes: dict[str, Any] = {
                "classical": {**self.config.classical.model_dump(), **section},
                "cnn": {**self.config.cnn.model_dump(), "models": ()},
                "features": {
                    **self.config.features.model_dump(),
                    "fine_tuned": (),
                    "projections": False,
                    "weights_of": {},
                    "weights": (value,) if factor == "weights" else self.config.features.weights[:1],
                },
            }
            if factor != "weights":
                changes[factor] = (value,)
            varied = RunConfig.model_validate({**self.config.model_dump(), **changes})
            jobs = build_jobs(varied, cnn_weights=self.weights, symmetric=self.dataset.symmetric)
            yield from ((value, job) for job in jobs if isinstance(job, FitJob))

    def _checked(self, factor: str, values: Sequence[str]) -> Sequence[str]:
        if factor == "weights":
            return values
        changed = RunConfig.model_validate({**self.config.model_dump(), factor: tuple(values)})
        return getattr(changed, factor)

    def measure(self, settings: list[Setting]) -> None:
        """Run what is missing of the settings, after those before."""
        self.settings += settings
        for setting in settings:
            self.jobs += [*setting.job.needs, setting.job]
        self.jobs = list(dict.fromkeys(self.jobs))
        self.folder.write_manifest(self.config, self.jobs)
        run_jobs(self.jobs, self.context)

    def best(self, stage: str) -> Setting:
        """Return the stage's setting with the best valid AUC; the first of equal ones."""
        rows = [(self._row(each), each) for each in self.settings if each.stage == stage]
        done = [pair for pair in rows if pair[0]["status"] == OK]
        if not done:
            raise InputError(f"{self.folder.path}: every setting of {stage} failed; see its logs folder")
        return max(done, key=lambda pair: float(pair[0]["valid_auc"]))[1]

    def finish(self, title: str) -> pd.DataFrame:
        """Write the table and the figures; return the table."""
        table = pd.DataFrame([self._row(setting) for setting in self.settings]).reindex(columns=_COLUMNS)
        stages = list(dict.fromkeys(table["stage"]))
        winners = {stage: self.best(stage).words for stage in stages if self._any_done(stage)}
        table["chosen"] = [winners.get(s) == w for s, w in zip(table["stage"], table["setting"], strict=True)]
        csv = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        write_text(self.folder.tables / "experiment.csv", csv)
        shown = table.map(lambda value: f"{value:.4g}" if isinstance(value, float) else str(value))
        write_text(self.folder.tables / "experiment.md", frame_to_markdown(shown))
        chosen = table[table["chosen"]]
        figures = {
            "experiment": tuning_figure(table[table["status"] == OK], title),
            "confusion": confusions_figure(
                {f"{row['stage']}: {row['setting']}": (row["tn"], row["fp"], row["fn"], row["tp"])
                 for row in (chosen if len(stages) > 1 else table).to_dict("records") if row["status"] == OK}
            ),
        }  # fmt: skip
        for name, figure in figures.items():
            write_figure(figure, self.folder.figures, name)
        return table

    def _any_done(self, stage: str) -> bool:
        return any(self.folder.is_ok(each.job) for each in self.settings if each.stage == stage)

    def _row(self, setting: Setting) -> dict[str, Any]:
        job = setting.job
        outcome = self.folder.outcome(job.id)
        row: dict[str, Any] = {"stage": setting.stage, "setting": setting.words}
        if outcome is None or outcome.status != OK:
            return {**row, "status": outcome.status if outcome else "not run"}
        predictions = read_predictions([self.folder.predictions_path(job.id)])
        (measured,) = leaderboard(predictions).to_dict("records")
        (model,) = rows_of(predictions)
        row |= {name: measured[name] for name in _COLUMNS if name in measured}
        row["valid_auc"] = scored(model).valid_auc
        if isinstance(job, TrainJob):
            history = pd.read_parquet(self.folder.history_path(job))
            row["last_loss"] = float(history["last_loss"].iloc[-1])
            row["best_epoch"] = json.loads(str(measured["params"]))["best_epoch"]
        return row


def _pair(pair: tuple[int, int]) -> str:
    return f"{pair[0]}-{pair[1]}"


def _literal(text: str) -> Any:
    try:
        value = json.loads(text.lower() if text in ("True", "False") else text)
    except ValueError:
        return text
    return tuple(value) if isinstance(value, list) else value

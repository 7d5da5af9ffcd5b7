"""What each kind of job does."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    ParameterGrid,
    PredefinedSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)

import classifiers
from bench.console import task
from bench.engine.context import Context, Embedded
from bench.engine.cost import BATCHES, Cost, cost_of_estimator
from bench.engine.events import event_log
from bench.jobs import AuditJob, EmbedJob, FitJob, Job, ProjectJob, TrainJob, weights_name
from classifiers.saving import save_classifier
from classifiers.search import PathSearchCV
from features.errors import InputError
from features.pixels.arrays import load_images
from results.embeddings.audit import audit_labels
from results.embeddings.clusters import clusters_table
from results.embeddings.projections import project
from results.metrics import choose_threshold
from results.predictions import END_TO_END, SPLITS

#: Share of scores that may be exactly 0 or 1 before decision values are taken in their place.
MOST_SURE = 0.01


def execute(job: Job, context: Context) -> None:
    """Do one job and write what it makes."""
    _ACTIONS[type(job)](job, context)


def row_of(job: Job, context: Context) -> dict[str, Any] | None:
    """Return the key columns of the leaderboard row that a job makes, None when it makes none."""
    if not isinstance(job, FitJob | TrainJob):
        return None
    source = job.embeddings if isinstance(job, FitJob) else job
    features = job.embeddings.backbone if isinstance(job, FitJob) else END_TO_END
    return {
        "model": _model_name(job),
        "features": features,
        "weights": weights_name(source.weights),
        "split_kind": context.config.split.kind,
        "preprocess": source.preprocess,
        "sampling": job.sampling,
        "repeat": 0,
    }


def _model_name(job: FitJob | TrainJob) -> str:
    title, variant = classifiers.get_spec(job.model).title, getattr(job, "variant", "")
    return f"{title}, {variant}" if variant else title


def _embed(job: EmbedJob, context: Context) -> None:
    context.embeddings(job)


def _fit(job: FitJob, context: Context) -> None:
    embedded = context.embeddings(job.embeddings)
    matrix = embedded.matrix
    y, train = context.y, context.rows("train")
    started = time.perf_counter()
    if job.selection == "cv":
        with _search(job, context, _folds(job, context, train), refit=True) as search:
            search.fit(matrix[train], y[train])
        estimator, params = search.best_estimator_, search.best_params_
    else:
        # The network has seen the training labels, so its training embeddings look too good for any
        # cross-validation among them: select on the valid split, fit on train alone.
        both = np.concatenate([train, context.rows("valid")])
        held = np.concatenate([np.full(len(train), -1), np.zeros(len(both) - len(train), int)])
        with _search(job, context, list(PredefinedSplit(held).split()), refit=False) as search:
            search.fit(matrix[both], y[both])
        params = search.best_params_
        estimator = clone(search.estimator).set_params(**params).fit(matrix[train], y[train])
    seconds = time.perf_counter() - started
    X = {split: matrix[context.rows(split)] for split in SPLITS}
    _finish(job, context, _Fitted(estimator, X, seconds, params, embedded))


def _train(job: TrainJob, context: Context) -> None:
    balanced = job.sampling == "balanced"
    params = {
        **dict(job.params),
        "weights": job.weights,
        "random_state": job.seed,
        "sampling": "all" if balanced else job.sampling,
        "class_weight": "balanced" if balanced else None,
    }
    estimator = classifiers.make_classifier(
        job.model,
        **params,
        device=context.config.device,
        checkpoint=str(context.folder.checkpoint_path(job)),
    )
    images = context.images
    with task(f"reading images for {job.model}", len(images)) as update:
        pixels = load_images(
            images["path"].tolist(),
            size=estimator.image_size or context.common_size(),
            channels=context.channels,
            preprocess=job.preprocess,
            spill=context.folder.path / "cache" / f"{job.id}.npy",
            progress=update,
        )
    train, valid = training_rows(job, context), context.rows("valid")
    _fit_network(estimator, job, context, pixels, train)
    context.folder.write_frame(context.folder.history_path(job), estimator.history_)
    seconds = float(estimator.history_["seconds"].sum())
    chosen = {**dict(job.params), "best_epoch": estimator.best_epoch_}
    chooser = None
    checkpoints = [context.folder.checkpoint_path(job)]
    if job.train_fraction == 1:
        # What the new network says of the valid split, which it has learnt, could choose no threshold.
        chooser = estimator
        checkpoints.append(checkpoints[0].with_suffix(".both.pt"))
        estimator = clone(chooser).set_params(
            stop_after=chooser.best_epoch_, keep_best=False, checkpoint=str(checkpoints[1])
        )
        _fit_network(estimator, job, context, pixels, np.concatenate([train, valid]))
        seconds += float(estimator.history_["seconds"].sum())
    X = {split: pixels[context.rows(split)] for split in SPLITS}
    _finish(job, context, _Fitted(estimator, X, seconds, chosen, chooser=chooser))
    for path in checkpoints:
        path.unlink(missing_ok=True)


def training_rows(job: TrainJob, context: Context) -> np.ndarray:
    """Return the rows that a network learns from: the train split, or so many of it as the job says.

    Raises
    ------
    InputError
        When there are not as many in the train split.
    """
    train, valid = context.rows("train"), context.rows("valid")
    if job.train_fraction in (None, 1):
        return train
    share = len(train) / (len(train) + len(valid))
    wanted = round(float(str(job.train_fraction)) * (len(train) + len(valid)))
    if wanted > len(train):
        raise InputError(
            f"train_fraction {job.train_fraction}: the train split holds {share:.2f} of train and valid "
            "together; give less, or 1 for both"
        )
    if wanted == len(train):
        return train
    kept, _ = train_test_split(train, train_size=wanted, stratify=context.y[train], random_state=job.seed)
    return np.sort(kept)


def _fit_network(
    estimator: BaseEstimator, job: TrainJob, context: Context, pixels: np.ndarray, rows: np.ndarray
) -> None:
    images, valid = context.images, context.rows("valid")
    weight = images["weight"].to_numpy(float)[rows] if "weight" in images else None
    epochs = estimator.stop_after or estimator.epochs
    log = context.folder.path / "tensorboard" / job.id if context.config.cnn.tensorboard else None
    with task(job.title, epochs, "epochs") as update, event_log(log) as write:

        def report(row: dict[str, float]) -> None:
            update(row["epoch"], f"loss {row['train_loss']:.3f}, valid AUC {row['valid_auc']:.3f}")
            write(row)

        estimator.fit(
            pixels[rows],
            context.y[rows],
            valid=(pixels[valid], context.y[valid]),
            sample_weight=weight,
            report=report,
        )


def _project(job: ProjectJob, context: Context) -> None:
    embed = job.embeddings
    frame = project(context.embeddings(embed).matrix, context.images["image_id"].tolist(), seed=job.seed)
    context.folder.write_frame(context.folder.projection_path(job.id), _with_features(frame, embed))


def _audit(job: AuditJob, context: Context) -> None:
    matrix = context.embeddings(job.embeddings).matrix
    audit = audit_labels(
        matrix, context.y, context.images["image_id"].tolist(), novelty=context.novelty, seed=job.seed
    )
    clusters = clusters_table(matrix, context.images["label"].to_numpy(), seed=job.seed)
    context.folder.write_frame(context.folder.audit_path(job.id), audit)
    context.folder.write_frame(context.folder.clusters_path(job.id), _with_features(clusters, job.embeddings))


def _with_features(frame: pd.DataFrame, embed: EmbedJob) -> pd.DataFrame:
    """Put the columns that name a feature set in front."""
    frame.insert(0, "features", embed.backbone)
    frame.insert(1, "weights", weights_name(embed.weights))
    frame.insert(2, "preprocess", embed.preprocess)
    return frame


@contextmanager
def _search(
    job: FitJob, context: Context, folds: list[tuple[np.ndarray, np.ndarray]], refit: bool
) -> Iterator[PathSearchCV]:
    """Make a search that shows its progress and, when killed, goes on from the blocks it has finished."""
    spec = classifiers.get_spec(job.model)
    train = context.y[context.rows("train")]
    blocks = context.folder.search_path(job)
    cells = len(ParameterGrid(spec.grids[job.grid])) * len(folds)
    with task(job.title, cells, "cells") as update:
        yield classifiers.make_search(
            job.model,
            grid=job.grid,
            cv=folds,
            scoring=job.scoring,
            refit=refit,
            n_jobs=context.config.n_jobs,
            random_state=job.seed,
            params=spec.balance(train) if job.sampling == "balanced" and spec.balance else None,
            checkpoint=str(blocks),
            progress=lambda done, total: update(done),
        )
    shutil.rmtree(blocks, ignore_errors=True)


def _folds(job: FitJob, context: Context, train: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Make the folds of the train split, shuffled; whole groups when the split keeps them whole."""
    y = context.y[train]
    if context.config.split.kind == "group":
        groups = context.images["group"].to_numpy()[train]
        splitter = StratifiedGroupKFold(job.folds, shuffle=True, random_state=job.seed)
        return list(splitter.split(y, y, groups))
    splitter = StratifiedKFold(job.folds, shuffle=True, random_state=job.seed)
    return list(splitter.split(y, y))


def score_defects(estimator: BaseEstimator, X: np.ndarray) -> tuple[np.ndarray, str]:
    """Return P(defect) where the model gives one, else the decision value, and which it is."""
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(X)[:, 1], float), "probability"
    return np.asarray(estimator.decision_function(X), float), "decision"


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A fitted model, what it is to score, and what it cost.

    `X` maps valid and test to inputs; `embedded` is where they come from when they are embeddings;
    `chooser` is the model that has not learnt the valid split, where `estimator` has.
    """

    estimator: BaseEstimator
    X: dict[str, np.ndarray]
    fit_seconds: float
    params: dict[str, Any]
    embedded: Embedded | None = None
    chooser: BaseEstimator | None = None

    def scores(self) -> dict[str, tuple[np.ndarray, str]]:
        """Return the scores of each split, of one kind for all of them; see `score_defects`."""
        models = {split: self._model_for(split) for split in self.X}
        scores = {split: score_defects(models[split], X) for split, X in self.X.items()}
        told = np.concatenate([score for score, _ in scores.values()])
        sure = np.isin(told, (0.0, 1.0)).mean()
        if sure > MOST_SURE and hasattr(self.estimator, "decision_function"):
            # Probabilities that round to 0 or 1 tie where decision values still tell images apart.
            decisions = {split: models[split].decision_function(X) for split, X in self.X.items()}
            scores = {split: (np.asarray(value, float), "decision") for split, value in decisions.items()}
        return scores

    def _model_for(self, split: str) -> BaseEstimator:
        return self.chooser if split == "valid" and self.chooser is not None else self.estimator


def _finish(job: FitJob | TrainJob, context: Context, fitted: _Fitted) -> None:
    """Save the model, then write the predictions: a job with predictions is done."""
    row = row_of(job, context)
    assert row is not None
    started = time.perf_counter()
    scores = fitted.scores()
    count = sum(map(len, fitted.X.values()))
    embed_us = fitted.embedded.microseconds if fitted.embedded else 0.0
    predict_us = embed_us + 1e6 * (time.perf_counter() - started) / count
    _save(job, context, fitted, row, scores["valid"])
    plain = {k.removeprefix("model__"): np.asarray(v).tolist() for k, v in fitted.params.items()}
    frames = []
    for split, (score, kind) in scores.items():
        images = context.images.iloc[context.rows(split)]
        columns = {"image_id": images["image_id"], "split": split, "label": images["label"]}
        measured = {"y_true": images["y"], "score": score, "score_kind": kind}
        frames.append(pd.DataFrame({**row, **columns, **measured}))
    cost = _cost(job, context, fitted)
    frame = pd.concat(frames).assign(
        **cost.columns(),
        fit_seconds=fitted.fit_seconds,
        predict_us=predict_us,
        params=json.dumps(plain, sort_keys=True),
    )
    context.folder.write_predictions(job, frame)


def _cost(job: FitJob | TrainJob, context: Context, fitted: _Fitted) -> Cost:
    X = fitted.X["test"] if len(fitted.X["test"]) else fitted.X["valid"]
    sample = X[np.arange(BATCHES[-1]) % len(X)]
    own = cost_of_estimator(
        fitted.estimator,
        lambda rows: score_defects(fitted.estimator, rows),
        sample,
        context.folder.model_path(job),
    )
    return own if fitted.embedded is None else fitted.embedded.cost + own


def _save(
    job: FitJob | TrainJob,
    context: Context,
    fitted: _Fitted,
    row: dict[str, Any],
    valid: tuple[np.ndarray, str],
) -> None:
    """Save what tells probabilities: a model of decision values is calibrated on the valid split.

    `valid` is what `_Fitted.scores` says of that split.
    """
    estimator, X, y = fitted.estimator, fitted.X["valid"], context.y[context.rows("valid")]
    folds = min(5, *np.bincount(y, minlength=2))
    if not hasattr(estimator, "predict_proba") and folds > 1:
        estimator = CalibratedClassifierCV(FrozenEstimator(estimator), cv=folds).fit(X, y)
    score, kind = valid
    if kind != "probability":
        score, _ = score_defects(fitted.chooser or estimator, X)
    card: dict[str, Any] = {"row": row, "threshold": choose_threshold(y, score)}
    if fitted.embedded:
        card["weights_sha256"] = fitted.embedded.weights_sha256
    save_classifier(job.model, estimator, context.folder.model_path(job), card)


_ACTIONS: dict[type[Job], Any] = {
    EmbedJob: _embed,
    FitJob: _fit,
    TrainJob: _train,
    ProjectJob: _project,
    AuditJob: _audit,
}

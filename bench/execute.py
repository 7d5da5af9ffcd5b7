"""What each kind of job does."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import PredefinedSplit, StratifiedGroupKFold, StratifiedKFold

import classifiers
from bench.config import RunConfig
from bench.console import task, warn
from bench.jobs import EmbedJob, FitJob, Job, ProjectJob, TrainJob, weights_name
from bench.run_folder import RunFolder
from classifiers.saving import load_classifier, save_classifier
from features.arrays import load_images
from features.backbones import Backbone, load_backbone
from features.cached import CachedExtractor
from features.errors import InputError, WeightsUnavailable
from features.extractor import Extractor
from features.store import EmbeddingStore
from results.metrics import choose_threshold
from results.predictions import END_TO_END
from results.projections import project


@dataclass
class Context:
    """What jobs share.

    Parameters
    ----------
    config : RunConfig
    folder : RunFolder
    images : DataFrame
        The run's split.
    store : EmbeddingStore
    """

    config: RunConfig
    folder: RunFolder
    images: pd.DataFrame
    store: EmbeddingStore
    _embeddings: dict[str, tuple[np.ndarray, float]] = field(default_factory=dict)
    _backbones: dict[tuple[str, str], Backbone | WeightsUnavailable] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """3 when any image has colour, else 1."""
        return int(self.images["channels"].max())

    def rows(self, split: str) -> np.ndarray:
        """Positions of the images of one split."""
        return np.flatnonzero((self.images["split"] == split).to_numpy())

    @property
    def y(self) -> np.ndarray:
        """1 where an image shows a defect."""
        return self.images["y"].to_numpy(int)

    def backbone(self, name: str, weights: str) -> Backbone:
        """Load a backbone once; weights that could not be reached are not asked for again."""
        key = (name, weights)
        if key not in self._backbones:
            try:
                self._backbones[key] = load_backbone(name, weights, seed=self.config.seed)
            except WeightsUnavailable as error:
                self._backbones[key] = error
        found = self._backbones[key]
        if isinstance(found, WeightsUnavailable):
            raise found
        return found

    def embeddings(self, job: EmbedJob) -> tuple[np.ndarray, float]:
        """Return a job's matrix (n_images, dim) and its microseconds per image."""
        if job.id not in self._embeddings:
            self._embeddings.clear()
            self._embeddings[job.id] = self._extract(job)
        return self._embeddings[job.id]

    def _extract(self, job: EmbedJob) -> tuple[np.ndarray, float]:
        if job.network is None:
            backbone = self.backbone(job.backbone, job.weights)
        else:
            trained = load_classifier(self.folder.model_path(job.network), device=self.config.device)
            backbone = trained.as_backbone(job.backbone)
        cached = CachedExtractor(
            Extractor(
                backbone,
                size=job.size,
                preprocess=job.preprocess,
                precision=job.precision,
                device=self.config.device,
                batch_size=self.config.features.batch_size,
            ),
            self.store,
            job.storage,
        )
        images = self.images
        with task(job.title, len(images)) as update:
            matrix = cached.transform(
                images["path"].tolist(),
                image_ids=images["image_id"].tolist(),
                labels=images["label"].tolist(),
                progress=update,
                warn=warn,
            )
        return matrix.astype(np.float32, copy=False), cached.collection().microseconds_per_image


def execute(job: Job, context: Context) -> None:
    """Do one job and write what it makes."""
    _ACTIONS[type(job)](job, context)


def row_of(job: Job, context: Context) -> dict[str, Any] | None:
    """Return the key columns of the leaderboard row that a job makes, None when it makes none."""
    if isinstance(job, FitJob):
        embed = job.embeddings
        return _key(job.model, embed.backbone, embed.weights, embed.preprocess, context)
    if isinstance(job, TrainJob):
        sampling = str(dict(job.params).get("sampling", "all"))
        return _key(job.model, END_TO_END, job.weights, job.preprocess, context, sampling)
    return None


def _embed(job: EmbedJob, context: Context) -> None:
    context.embeddings(job)


def _fit(job: FitJob, context: Context) -> None:
    matrix, embed_us = context.embeddings(job.embeddings)
    y, train = context.y, context.rows("train")
    started = time.perf_counter()
    if job.selection == "cv":
        search = _search(job, context, _folds(job, context, train), refit=True)
        search.fit(matrix[train], y[train])
        estimator, params = search.best_estimator_, search.best_params_
    else:
        # The network has seen the training labels, so its training embeddings look too good for any
        # cross-validation among them: select on the valid split, fit on train alone.
        both = np.concatenate([train, context.rows("valid")])
        held = np.concatenate([np.full(len(train), -1), np.zeros(len(both) - len(train), int)])
        search = _search(job, context, PredefinedSplit(held), refit=False)
        search.fit(matrix[both], y[both])
        params = search.best_params_
        estimator = clone(search.estimator).set_params(**params).fit(matrix[train], y[train])
    fit_seconds = time.perf_counter() - started
    scored = np.concatenate([context.rows("valid"), context.rows("test")])
    started = time.perf_counter()
    score, kind = score_defects(estimator, matrix[scored])
    own_us = 1e6 * (time.perf_counter() - started) / len(scored)
    _finish(job, context, job.model, estimator, scored, score, kind, fit_seconds, embed_us + own_us, params)


def _train(job: TrainJob, context: Context) -> None:
    params = {**dict(job.params), "weights": job.weights, "random_state": job.seed}
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
            size=estimator.image_size or _common_size(images),
            channels=context.channels,
            preprocess=job.preprocess,
            spill=context.folder.path / "cache" / f"{job.id}.npy",
            progress=update,
        )
    train, valid = context.rows("train"), context.rows("valid")
    weight = images["weight"].to_numpy(float)[train] if "weight" in images else None
    with task(job.title, estimator.epochs, "epochs") as update:
        estimator.fit(
            pixels[train],
            context.y[train],
            valid=(pixels[valid], context.y[valid]),
            sample_weight=weight,
            report=lambda row: update(
                row["epoch"], f"loss {row['train_loss']:.3f}, valid AUC {row['valid_auc']:.3f}"
            ),
        )
    scored = np.concatenate([valid, context.rows("test")])
    started = time.perf_counter()
    score, kind = score_defects(estimator, pixels[scored])
    predict_us = 1e6 * (time.perf_counter() - started) / len(scored)
    chosen = {**dict(job.params), "best_epoch": estimator.best_epoch_}
    context.folder.write_frame(context.folder.history_path(job), estimator.history_)
    seconds = float(estimator.history_["seconds"].sum())
    _finish(job, context, job.model, estimator, scored, score, kind, seconds, predict_us, chosen)
    context.folder.checkpoint_path(job).unlink(missing_ok=True)


def _project(job: ProjectJob, context: Context) -> None:
    embed = job.embeddings
    matrix, _ = context.embeddings(embed)
    frame = project(matrix, context.images["image_id"].tolist(), seed=job.seed)
    frame.insert(0, "features", embed.backbone)
    frame.insert(1, "weights", weights_name(embed.weights))
    context.folder.write_frame(context.folder.projection_path(job.id), frame)


def _search(job: FitJob, context: Context, cv: Any, refit: bool) -> BaseEstimator:
    return classifiers.make_search(
        job.model,
        grid=job.grid,
        cv=cv,
        scoring=job.scoring,
        refit=refit,
        n_jobs=context.config.n_jobs,
        random_state=job.seed,
    )


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


def _finish(
    job: FitJob | TrainJob,
    context: Context,
    model: str,
    estimator: BaseEstimator,
    scored: np.ndarray,
    score: np.ndarray,
    score_kind: str,
    fit_seconds: float,
    predict_us: float,
    params: dict[str, Any],
) -> None:
    """Save the model, then write the predictions: a job with predictions is done."""
    images = context.images.iloc[scored]
    valid = (images["split"] == "valid").to_numpy()
    row = row_of(job, context)
    assert row is not None
    card = {
        "row": row,
        "threshold": choose_threshold(context.y[scored][valid], score[valid]),
        "positive": 1,
    }
    save_classifier(model, estimator, context.folder.model_path(job), card)
    plain = {k.removeprefix("model__"): np.asarray(v).tolist() for k, v in params.items()}
    frame = pd.DataFrame(
        {
            **row,
            "image_id": images["image_id"],
            "split": images["split"],
            "label": images["label"],
            "y_true": context.y[scored],
            "score": score,
            "score_kind": score_kind,
            "fit_seconds": fit_seconds,
            "predict_us": predict_us,
            "params": json.dumps(plain, sort_keys=True),
        }
    )
    context.folder.write_predictions(job, frame)


def _key(
    model: str, features: str, weights: str, preprocess: str, context: Context, sampling: str = "all"
) -> dict[str, Any]:
    return {
        "model": classifiers.get_spec(model).title,
        "features": features,
        "weights": weights_name(weights),
        "split_kind": context.config.split.kind,
        "preprocess": preprocess,
        "sampling": sampling,
        "repeat": 0,
    }


def _common_size(images: pd.DataFrame) -> tuple[int, int]:
    sizes = set(zip(images["height"], images["width"], strict=True))
    if len(sizes) > 1:
        raise InputError(f"images of {len(sizes)} sizes: give the network a size, such as 224")
    height, width = sizes.pop()
    return int(height), int(width)


_ACTIONS: dict[type[Job], Any] = {EmbedJob: _embed, FitJob: _fit, TrainJob: _train, ProjectJob: _project}

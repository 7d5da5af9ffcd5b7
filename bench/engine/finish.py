"""What every job with a leaderboard row ends with: the saved model and its predictions."""

import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from bench.engine.context import Context
from bench.engine.cost import BATCHES, Cost, cost_of_estimator
from bench.engine.embedder import Embedded
from bench.engine.job import Job
from bench.engine.scoring import score_defects, score_splits
from classifiers.detection import spec_of
from classifiers.saving import save_classifier
from classifiers.spec import plain_params
from results.metrics import valid_threshold


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model, the inputs that it scores, and what it took.

    Parameters
    ----------
    model : str
        Name in the registry of classifiers.
    estimator : estimator
    X : dict of str to array
        Inputs of the valid and the test split.
    fit_seconds : float
    params : dict
        Parameters chosen.
    weights_sha256 : str
        Hash of the weights of the backbone, or of the file that the network started from.
    embedded : Embedded, optional
        The embeddings that `X` was taken from.
    held_out : estimator, optional
        The model that has not learnt the valid split, where `estimator` has.
    calibrate : bool
        Whether a model of decision values is saved with a calibration on the valid split.
    """

    model: str
    estimator: BaseEstimator
    X: dict[str, np.ndarray]
    fit_seconds: float
    params: dict[str, Any]
    weights_sha256: str = ""
    embedded: Embedded | None = None
    held_out: BaseEstimator | None = None
    calibrate: bool = True

    @property
    def for_valid(self) -> BaseEstimator:
        """The model that may score the valid split."""
        return self.estimator if self.held_out is None else self.held_out

    def scores(self) -> dict[str, tuple[np.ndarray, str]]:
        """Return the scores of each split and their kind, the same for all splits."""
        models = {split: self.for_valid if split == "valid" else self.estimator for split in self.X}
        return score_splits(models, self.X)


def finish(job: Job, context: Context, fitted: Fitted) -> None:
    """Save the model, then write the predictions: a job with predictions is done."""
    row = job.row(context)
    if row is None:
        raise TypeError(f"{type(job).__name__} makes no row")
    started = time.perf_counter()
    scores = fitted.scores()
    count = sum(map(len, fitted.X.values()))
    embed_us = fitted.embedded.microseconds if fitted.embedded else 0.0
    predict_us = embed_us + 1e6 * (time.perf_counter() - started) / count
    _save(job, context, fitted, row, scores["valid"])
    frames = []
    for split, (score, kind) in scores.items():
        images = context.images.iloc[context.rows(split)]
        columns = {"image_id": images["image_id"], "split": split, "label": images["label"]}
        columns["group"] = context.group_names(context.rows(split))
        measured = {"y_true": images["y"], "score": score, "score_kind": kind}
        frames.append(pd.DataFrame({**row, **columns, **measured}))
    frame = pd.concat(frames).assign(
        **_cost(job, context, fitted).columns(),
        fit_seconds=fitted.fit_seconds,
        predict_us=predict_us,
        weights_sha256=fitted.weights_sha256,
        params=json.dumps(plain_params(fitted.params), sort_keys=True),
        supervision=spec_of(fitted.model).supervision,
    )
    context.folder.write_predictions(job.id, frame)


def _cost(job: Job, context: Context, fitted: Fitted) -> Cost:
    X = fitted.X["test"] if len(fitted.X["test"]) else fitted.X["valid"]
    sample = X[np.arange(BATCHES[-1]) % len(X)]
    own = cost_of_estimator(
        fitted.estimator,
        lambda rows: score_defects(fitted.estimator, rows),
        sample,
        context.folder.model_path(job.id),
    )
    return own if fitted.embedded is None else fitted.embedded.cost + own


def _save(
    job: Job, context: Context, fitted: Fitted, row: dict[str, Any], valid: tuple[np.ndarray, str]
) -> None:
    """Save a model that gives probabilities: one of decision values is calibrated on the valid split.

    `valid` is what `Fitted.scores` returns for that split.
    """
    estimator, X, y = fitted.estimator, fitted.X["valid"], context.y[context.rows("valid")]
    plain = not hasattr(estimator, "predict_proba")
    if plain and fitted.calibrate and min(np.bincount(y, minlength=2)) > 1:
        folds = context.folds(context.rows("valid"), min(5, *np.bincount(y)), job.seed)
        estimator = CalibratedClassifierCV(FrozenEstimator(estimator), cv=folds).fit(X, y)
    score, kind = valid
    if kind != "probability":
        score, _ = score_defects(fitted.held_out or estimator, X)
    card: dict[str, Any] = {"row": row, "threshold": valid_threshold(y, score)}
    if fitted.embedded:
        card["weights_sha256"] = fitted.embedded.weights_sha256
    save_classifier(fitted.model, estimator, context.folder.model_path(job.id), card)

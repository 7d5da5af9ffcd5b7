"""Score images without labels with a saved model of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator

from bench.console import task, warn
from bench.engine.context import Context
from bench.engine.pixels import network_size
from bench.engine.scoring import valid_auc
from bench.finished.inputs import find_images, match_sample, short_ids
from bench.jobs import DetectJob, FitJob, PatchesJob, TrainJob, extractor_of, read_jobs
from bench.run_folder import RunFolder
from classifiers.saving import load_classifier, read_card
from features.errors import InputError
from features.files import atomic_path
from features.pixels.arrays import load_images
from features.pixels.images import scan_images
from features.store.store import EmbeddingStore
from results.leaderboard import scored
from results.predictions import Row

ScoredJob = FitJob | TrainJob | PatchesJob | DetectJob

BEST = "best"
COLUMNS = {"first": "label", "second": "defect_score"}
DEFECT, GOOD = "defect", "good"


@dataclass(frozen=True, eq=False)
class Prediction:
    """What `predict` found.

    Parameters
    ----------
    table : DataFrame
        What was written.
    unreadable : list of (str, str)
        The files that are not in the table, and folders that cannot be read, each with the reason.
    """

    table: pd.DataFrame
    unreadable: list[tuple[str, str]]


def predict(
    folder: RunFolder,
    store: EmbeddingStore,
    images: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    model: str = BEST,
    layout: str | None = None,
    positive: str = "bad",
    sample: str | Path | None = None,
) -> Prediction:
    """Score images and write a CSV file with a row for each image that can be read.

    Parameters
    ----------
    folder : RunFolder
        A finished run.
    store : EmbeddingStore
        Where embeddings are cached.
    images : path or sequence of paths
        Image files, and folders that are searched to any depth.
    out : str or Path
        The CSV file to write.
    model : str
        `best` (highest AUC on the valid split), a model's name, or the beginning of a job's id.
    layout : {"first", "second"}, optional
        Write a contest's columns, `id,label` or `id,defect_score`.
    positive : {"bad", "good"}
        For a contest's columns: the class that the number is the probability of.
    sample : str or Path, optional
        A `submission_sample.csv` that gives the ids and their order, and the columns unless `layout` is
        given. A file of that name in `images` or in the two folders around it is found without it.

    Returns
    -------
    Prediction
        Without a contest's layout, the columns are `id` (path of the file, relative to the folder given),
        `score` and `threshold` (on the scale of the leaderboard: probability or decision value),
        `probability` (of a defect) and `decision` (`defect` where the score reaches the threshold, else
        `good`). Rows in the order of `score` are in the order of a contest's column, too.

    Raises
    ------
    InputError
        For an unknown model, no image at all, no readable image, or ids of the sample without an image.
    """
    if positive not in ("bad", "good"):
        raise InputError(f"positive {positive!r}: choose bad or good")
    if layout not in (None, *COLUMNS):
        raise InputError(f"layout {layout!r}: choose first or second")
    if Path(out).is_dir():
        raise InputError(f"{out}: is a directory; give the CSV file to write (--out)")
    job = choose_model(folder, model)
    found = find_images([images] if isinstance(images, str | Path) else images)
    chosen = match_sample(found, sample)
    contest = layout is not None or chosen is not None
    if positive == "good" and not contest:
        raise InputError("positive good: only for a contest's columns; give --layout or --sample")
    ids = found.ids if chosen is None else chosen.ids
    if contest and chosen is None:
        ids = short_ids(found)
    wanted = pd.DataFrame({"id": ids, "path": found.paths if chosen is None else chosen.paths})
    sound, unreadable = _readable(wanted)
    scores = _score(job, folder, store, sound["path"].tolist(), folder.row(job.id))
    if contest:
        column = COLUMNS[layout] if layout else (chosen.column if chosen else COLUMNS["second"])
        table = pd.DataFrame({"id": sound["id"], column: _as_probability(scores, positive)})
    else:
        table = pd.concat([sound[["id"]], scores], axis=1)
    with atomic_path(out) as temporary:
        table.to_csv(temporary, index=False)
    return Prediction(table, [*found.problems, *unreadable])


def choose_model(folder: RunFolder, reference: str) -> ScoredJob:
    """Return the job whose model `reference` means; `InputError` lists those there are."""
    done = [job for job in read_jobs(folder) if isinstance(job, ScoredJob) and folder.is_ok(job.id)]
    if not done:
        raise InputError(f"{folder.path}: no finished model in this run")
    if reference == BEST:
        return max(done, key=lambda job: valid_auc(folder, job.id))
    found = [job for job in done if reference in (job.id, job.model)]
    found = found or [job for job in done if job.id.startswith(reference) or job.slug.startswith(reference)]
    if len(found) != 1:
        what = "no model" if not found else "several models"
        raise InputError(
            f"{folder.path}: {what} {reference!r}; give best or one of: "
            f"{', '.join(job.id for job in (found or done))}"
        )
    return found[0]


def keep_order(values: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return values in [0, 1] changed by as little as makes them rank as the scores do.

    Probabilities that round to 0 or 1 tie where the scores still differ; each tie is split by steps to the
    next number that a double can hold.

    Parameters
    ----------
    values : float array, shape (n,)
        Numbers in [0, 1] that do not decrease with the score, up to rounding.
    score : float array, shape (n,)

    Returns
    -------
    float array, shape (n,)
        Equal where scores are equal, and larger where they are larger.
    """
    levels, inverse = np.unique(score, return_inverse=True)
    smoothed = np.zeros(len(levels))
    np.maximum.at(smoothed, inverse, values)
    smoothed = np.clip(np.maximum.accumulate(smoothed), 0.0, 1.0)
    for place in range(len(levels) - 2, -1, -1):  # down from 1, where doubles are far apart
        if smoothed[place] >= 0.5 and smoothed[place] >= smoothed[place + 1]:
            smoothed[place] = np.nextafter(smoothed[place + 1], 0.0)
    for place in range(1, len(levels)):
        if smoothed[place] <= smoothed[place - 1]:
            smoothed[place] = np.nextafter(smoothed[place - 1], 1.0)
    return smoothed[inverse]


def _readable(wanted: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Return the images that can be decoded, and the others with the reason."""
    paths = wanted["path"].drop_duplicates().tolist()
    with task("reading images", len(paths)) as update:
        problems = scan_images(paths, progress=update).set_index("path")["problem"]
    bad = problems[problems != ""]
    if len(bad) == len(paths):
        raise InputError(f"{bad.index[0]}: {bad.iloc[0]}; none of {len(paths)} images can be read")
    sound = wanted[~wanted["path"].isin(bad.index)].reset_index(drop=True)
    return sound, list(zip(bad.index, bad, strict=True))


def _score(
    job: ScoredJob, folder: RunFolder, store: EmbeddingStore, paths: Sequence[str], row: Row
) -> pd.DataFrame:
    """Return `score`, `probability`, `threshold` and `decision` of each image."""
    estimator, X = _model_and_inputs(job, folder, store, paths)
    probability = (
        np.asarray(estimator.predict_proba(X)[:, 1], float)
        if hasattr(estimator, "predict_proba")
        else np.full(len(X), np.nan)
    )
    score = probability
    if row.constant("score_kind") != "probability":
        # A model without probabilities is saved with a calibration around it.
        plain = getattr(estimator, "estimator", estimator) if _is_calibrated(estimator) else estimator
        score = np.asarray(plain.decision_function(X), float)
    threshold = scored(row).threshold
    return pd.DataFrame(
        {
            "score": score,
            "probability": probability,
            "threshold": threshold,
            "decision": np.where(score >= threshold, DEFECT, GOOD),
        }
    )


def _is_calibrated(estimator: BaseEstimator) -> bool:
    return hasattr(estimator, "calibrated_classifiers_")


def _model_and_inputs(
    job: ScoredJob, folder: RunFolder, store: EmbeddingStore, paths: Sequence[str]
) -> tuple[BaseEstimator, np.ndarray]:
    config = folder.config()
    estimator = load_classifier(folder.model_path(job.id), device=config.device)
    context = Context(config, folder, folder.read_split(), store)
    with task(f"scoring with {job.id}", len(paths)) as update:
        if isinstance(job, FitJob):
            extractor = extractor_of(job.embeddings, context)
            X = extractor.transform(paths, progress=update, warn=warn).astype(np.float32, copy=False)
            _check_weights(job, folder, extractor.key.weights_sha256)
        else:
            X = load_images(
                paths,
                size=job.size if isinstance(job, PatchesJob) else network_size(estimator, context),
                channels=context.channels if isinstance(job, PatchesJob) else estimator.n_channels_,
                preprocess=job.preprocess,
                progress=update,
            )
    return estimator, X


def _as_probability(scores: pd.DataFrame, positive: str) -> np.ndarray:
    """Return the probability of `positive`, in the order of the scores."""
    score, probability = scores["score"].to_numpy(), scores["probability"].to_numpy()
    if np.isnan(probability).any():
        probability = expit(score - scores["threshold"].to_numpy())
    if positive == "good":
        score, probability = -score, 1 - probability
    return keep_order(probability, score)


def _check_weights(job: FitJob, folder: RunFolder, sha256: str) -> None:
    saved = read_card(folder.model_path(job.id)).get("weights_sha256")
    if saved != sha256:
        raise InputError(
            f"{folder.model_path(job.id)}: fitted on embeddings of other {job.embeddings.backbone} weights "
            "than are found now; bring the same weights or fit again"
        )

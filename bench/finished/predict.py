"""Score images that have no label with a saved model of a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.console import task, warn
from bench.engine.context import Context
from bench.engine.pixels import network_size
from bench.engine.scoring import score_defects
from bench.jobs import FitJob, TrainJob, extractor_of, read_jobs
from bench.run_folder import RunFolder
from classifiers.saving import load_classifier, read_card
from features.datasets.boxes import without_suffix
from features.errors import InputError
from features.files import atomic_path
from features.pixels.arrays import load_images
from features.pixels.listing import list_images
from features.store.store import EmbeddingStore
from results.leaderboard import scored
from results.predictions import rows_of

BEST = "best"
SAMPLE_NAME = "submission_sample.csv"
COLUMNS = {"first": "label", "second": "defect_score"}


def predict(
    folder: RunFolder,
    store: EmbeddingStore,
    images: str | Path,
    out: str | Path,
    *,
    model: str = BEST,
    layout: str | None = None,
    positive: str = "bad",
    sample: str | Path | None = None,
) -> pd.DataFrame:
    """Score images and write a submission.

    Parameters
    ----------
    folder : RunFolder
        A finished run.
    store : EmbeddingStore
        Where embeddings are cached.
    images : str or Path
        A folder of images, searched to any depth.
    out : str or Path
        The CSV file to write.
    model : str
        `best` (highest AUC on the valid split), a model's name, or the beginning of a job's id.
    layout : {"first", "second"}, optional
        Which contest's columns: `id,label` or `id,defect_score`; by default the sample's, else second.
    positive : {"bad", "good"}
        Which class the probability is of.
    sample : str or Path, optional
        A `submission_sample.csv` that gives ids and their order; one that lies in `images` or the two
        folders around it is found by itself.

    Returns
    -------
    DataFrame
        What was written.

    Raises
    ------
    InputError
        For an unknown model, a folder without images, ids without an image, unreadable images.
    """
    if positive not in ("bad", "good"):
        raise InputError(f"positive {positive!r}: choose bad or good")
    if layout not in (None, *COLUMNS):
        raise InputError(f"layout {layout!r}: choose first or second")
    job = choose_model(folder, model)
    ids, paths, column = _wanted(Path(images).expanduser(), layout, Path(sample) if sample else None)
    probability = _score(job, folder, store, paths)
    values = probability if positive == "bad" else 1 - probability
    table = pd.DataFrame({"id": ids, column: values})
    with atomic_path(out) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6f")
    return table


def choose_model(folder: RunFolder, reference: str) -> FitJob | TrainJob:
    """Return the job whose model `reference` means; `InputError` lists those there are."""
    done = [job for job in read_jobs(folder) if isinstance(job, FitJob | TrainJob) and folder.is_ok(job.id)]
    if not done:
        raise InputError(f"{folder.path}: no finished model in this run")
    if reference == BEST:
        aucs = {job.id: _valid_auc(folder, job) for job in done}
        return max(done, key=lambda job: aucs[job.id])
    found = [job for job in done if reference in (job.id, job.model)]
    found = found or [job for job in done if job.id.startswith(reference) or job.slug.startswith(reference)]
    if len(found) != 1:
        what = "no model" if not found else "several models"
        raise InputError(
            f"{folder.path}: {what} {reference!r}; give best or one of: "
            f"{', '.join(job.id for job in (found or done))}"
        )
    return found[0]


def _valid_auc(folder: RunFolder, job: FitJob | TrainJob) -> float:
    (row,) = rows_of(pd.read_parquet(folder.predictions_path(job.id)))
    return scored(row).valid_auc


def _wanted(images: Path, layout: str | None, sample: Path | None) -> tuple[list[str], list[str], str]:
    if not images.is_dir():
        raise InputError(f"{images}: no such directory of images (--images)")
    found, _ = list_images(images)
    if not found:
        raise InputError(f"{images}: no PNG, JPEG, BMP or TIFF file in it")
    by_id = {path.stem: str(path) for path in found}
    if sample is None:
        nearby = [folder / SAMPLE_NAME for folder in (images, images.parent, images.parent.parent)]
        sample = next((path for path in nearby if path.is_file()), None)
    elif not sample.is_file():
        raise InputError(f"{sample}: no such sample of a submission (--sample)")
    if sample is None:
        return list(by_id), list(by_id.values()), COLUMNS[layout or "second"]
    frame = pd.read_csv(sample, dtype={0: str})
    column = COLUMNS[layout] if layout else str(frame.columns[-1])
    ids = frame.iloc[:, 0].astype(str).tolist()
    missing = [name for name in ids if without_suffix(name) not in by_id]
    if missing:
        raise InputError(f"{sample}: {len(missing)} ids have no image in {images}, the first {missing[0]}")
    return ids, [by_id[without_suffix(name)] for name in ids], column


def _score(
    job: FitJob | TrainJob, folder: RunFolder, store: EmbeddingStore, paths: Sequence[str]
) -> np.ndarray:
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
                size=network_size(estimator, context),
                channels=estimator.n_channels_,
                preprocess=job.preprocess,
                progress=update,
            )
    return score_defects(estimator, X)[0]


def _check_weights(job: FitJob, folder: RunFolder, sha256: str) -> None:
    saved = read_card(folder.model_path(job.id)).get("weights_sha256")
    if saved != sha256:
        raise InputError(
            f"{folder.model_path(job.id)}: fitted on embeddings of other {job.embeddings.backbone} weights "
            "than are found now; bring the same weights or fit again"
        )

"""`defectbench audit`: likely wrong labels of a run, by networks that have not seen the image."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

import classifiers
from bench.console import say, task
from bench.engine.context import Context
from bench.engine.pixels import network_size, novelty, run_pixels
from bench.jobs import TrainJob, embeddings_of, read_jobs
from bench.outputs.suspects import best_audit, name_labels
from bench.run_folder import RunFolder
from features.errors import InputError
from features.files import write_text
from features.store.store import EmbeddingStore
from results.embeddings.audit import audit_labels, audit_quality

FOLDS = 3


def audit_run(
    folder: RunFolder, store: EmbeddingStore, *, network: str = "", folds: int = FOLDS
) -> pd.DataFrame:
    """Audit the labels of a run's images and write `tables/audit.csv`.

    Parameters
    ----------
    folder : RunFolder
        A finished run.
    store : EmbeddingStore
        Where its embeddings are cached.
    network : str
        A network to be trained `folds` times, each time without a part of the images, so that every
        image gets an opinion of a network that has not seen it; none by default: then the embeddings and
        what is unusual are asked, and a fine-tuned network may have learnt a wrong label by heart.
    folds : int

    Returns
    -------
    DataFrame
        As `results.embeddings.audit.audit_labels`, with `path`, the class `named` by the label, and an
        empty column `new_label` to fill in for `--relabel`.
    """
    config = folder.config()
    images = folder.read_split()
    context = Context(config, folder, images, store)
    job = best_audit(folder)
    if job is None:
        raise InputError(f"{folder.path}: no finished embeddings to audit with; run the benchmark first")
    held_out = _cross_fit(context, network, folds) if network else None
    saved = pd.read_parquet(folder.audit_path(job.id)).set_index("image_id")
    ids = images["image_id"].tolist()
    # Only the order counts, so the saved ranks do for what they were made of.
    unusual = saved.loc[ids, "novelty"].to_numpy() if "novelty" in saved else novelty(context)
    audit = audit_labels(
        embeddings_of(job.embeddings, context).matrix,
        context.y,
        ids,
        novelty=unusual,
        folds=None if context.cluster is None else context.folds(np.arange(len(ids)), 5, config.seed),
        held_out=held_out,
        seed=config.seed,
    )
    table = name_labels(audit, images)
    write_text(folder.tables / "audit.csv", table.to_csv(index=False, lineterminator="\n"))
    if "truth" in images:
        wrong = set(images.loc[images["truth"] != images["y"], "image_id"])
        quality = audit_quality(audit, wrong)
        say(
            f"{len(wrong)} labels are known to be wrong: {quality['precision']:.0%} of the first 50 suspects "
            f"are among them, {quality['found']:.0%} of them are among the first 3%"
        )
    return table


def _cross_fit(context: Context, network: str, folds: int) -> np.ndarray:
    """Return the probability of a defect of each image by a network that was trained without it."""
    like = next(
        (job for job in read_jobs(context.folder) if isinstance(job, TrainJob) and job.model == network), None
    )
    params = dict(like.params) if like is not None else {}
    weights = like.weights if like is not None else "random"
    model = classifiers.make_classifier(
        network,
        **{
            **params,
            "weights": weights,
            "random_state": context.config.seed,
            "device": context.config.device,
        },
    )
    size, preprocess = network_size(model, context), context.config.preprocess[0]
    with run_pixels(context, "audit", size, preprocess=preprocess, title="reading images") as pixels:
        return _held_out_scores(model, network, context, pixels, folds)


def _held_out_scores(
    model: BaseEstimator, network: str, context: Context, pixels: np.ndarray, folds: int
) -> np.ndarray:
    scores = np.empty(len(pixels))
    parts = context.folds(np.arange(len(pixels)), folds, context.config.seed)
    for number, (train, held_out) in enumerate(parts, start=1):
        # No epoch is chosen on the images to be audited: training runs to the end of its schedule.
        model.set_params(keep_best=False, checkpoint=str(_checkpoint(context.folder, network, number)))
        with task(f"fold {number} of {folds}: train {network}", model.epochs, "epochs") as update:
            model.fit(
                pixels[train], context.y[train], valid=(pixels[held_out], context.y[held_out]),
                report=lambda row: update(row["epoch"], f"loss {row['train_loss']:.3f}"),
            )  # fmt: skip
        scores[held_out] = model.predict_proba(pixels[held_out])[:, 1]
    for number in range(1, folds + 1):
        _checkpoint(context.folder, network, number).unlink(missing_ok=True)
    return scores


def _checkpoint(folder: RunFolder, network: str, number: int) -> Path:
    return folder.path / "checkpoints" / f"audit-{network}-{number}.pt"

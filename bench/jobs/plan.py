"""The flat list of jobs that a run is, built here and nowhere else."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import classifiers
from bench.config import CELLS, RunConfig
from bench.engine.job import Job
from bench.jobs.cells import cell_jobs
from bench.jobs.detect import detect_jobs
from bench.jobs.embed import EmbedJob, frozen_embeddings
from bench.jobs.fit import FitJob
from bench.jobs.registry import KINDS
from bench.jobs.train import TrainJob
from bench.jobs.words import as_params, weights_hash
from classifiers.spec import GOOD_ONLY, LABELS
from results.feature_set import FINE_TUNED, attention_words

StartingWeights = Callable[[str], str]

SYMMETRIC_AUGMENT = "hflip,vflip,turns,brightness,contrast"


def build_jobs(config: RunConfig, *, cnn_weights: StartingWeights, symmetric: bool) -> list[Job]:
    """Build the run's jobs, each after those that it needs.

    Parameters
    ----------
    config : RunConfig
        What to run.
    cnn_weights : callable
        A network's name to where it starts: `imagenet`, `random` or a path; `auto` is resolved by the
        caller.
    symmetric : bool
        Whether the dataset allows mirrored and turned images.

    Returns
    -------
    list of Job
    """
    frozen = list(frozen_embeddings(config))
    settings = [(name, *each) for name in config.cnn.models for each in _variants(config)]
    networks = [
        train_job(config, *setting, cnn_weights, symmetric, attention)
        for setting in settings
        for attention in (None, *config.cnn.attention_weights)
    ]
    tuned = list(_tuned_embeddings(config, cnn_weights, symmetric))
    jobs: list[Job] = []
    for embed in frozen:
        jobs += [embed, *_fit_jobs(config, embed, "cv")]
    jobs += networks
    if config.darts.is_used:
        for variant in _variants(config):
            jobs += cell_jobs(config, train_job(config, CELLS, *variant, cnn_weights, symmetric))
    jobs += detect_jobs(config, cnn_weights)
    for embed in tuned:
        jobs += [*embed.needs, embed, *_fit_jobs(config, embed, "valid")]
    jobs = list(dict.fromkeys(jobs))
    further = [job for kind in KINDS.values() for job in kind.plan(config, jobs)]
    place = {job: number for number, job in enumerate(jobs)}
    # Next to each other where they read the same results, which may then stay in memory.
    further.sort(key=lambda job: max((place[need] for need in job.needs), default=len(jobs)))
    return [*jobs, *dict.fromkeys(further)]


def _variants(config: RunConfig) -> list[tuple[str, str]]:
    """Return every (preprocess, sampling) that networks are trained with."""
    return [(preprocess, sampling) for preprocess in config.preprocess for sampling in config.sampling]


def _tuned_embeddings(config: RunConfig, weights: StartingWeights, symmetric: bool) -> Iterator[EmbedJob]:
    # Detectors that learn from good images only are not fitted on networks that have learnt from labels.
    labelled = any(classifiers.get_spec(name).supervision == LABELS for name in config.classical.models)
    names = config.features.fine_tuned if labelled else ()
    # Of several samplings the first one's network becomes a backbone; the heads have their own.
    for name, preprocess in itertools.product(names, config.preprocess):
        network = train_job(config, name, preprocess, config.sampling[0], weights, symmetric)
        if network.train_fraction == 1:
            # Heads are chosen on the valid split, which their network must not have learnt.
            network = replace(network, train_fraction=None)
        given = dict(network.params)
        size = given["size"] if "size" in given else classifiers.get_spec(name).parameter("size")
        yield EmbedJob(
            seed=config.seed,
            backbone=name,
            weights=FINE_TUNED,
            size=size,
            preprocess=preprocess,
            precision=config.features.precision,
            storage=config.features.storage,
            network=network,
        )


def train_job(
    config: RunConfig,
    name: str,
    preprocess: str,
    sampling: str,
    weights: StartingWeights,
    symmetric: bool,
    attention: float | None = None,
) -> TrainJob:
    """Return the job that trains one network as the configuration says, or with this weight of attention."""
    params = dict(config.cnn.params_of(name))
    if attention is not None:
        params["attention_weight"] = attention
    if symmetric and classifiers.get_spec(name).augmented:
        params.setdefault("augment", SYMMETRIC_AUGMENT)
        params.setdefault("tta", "dihedral")
    start = weights(name) if classifiers.get_spec(name).pretrained else "random"
    return TrainJob(
        seed=config.seed,
        model=name,
        weights=start,
        weights_hash=weights_hash(start),
        preprocess=preprocess,
        sampling=sampling,
        params=as_params(params),
        train_fraction=config.cnn.train_fraction,
        variant=attention_words(params.get("attention_weight")),
    )


def _fit_jobs(config: RunConfig, embed: EmbedJob, selection: str) -> list[Job]:
    jobs: list[Job] = []
    for name in config.classical.models:
        spec = classifiers.get_spec(name)
        if spec.kind == "patches":
            # Planned by its own kind of job, on images.
            continue
        good_only = spec.supervision == GOOD_ONLY
        if good_only and embed.network is not None:
            # The network has learnt from labels, so nothing on its embeddings is fitted without them.
            continue
        # Drawing images anew each epoch is for networks; classical models see all rows, weighted or not.
        weighted = ("balanced" if each == "balanced" and spec.balance else "all" for each in config.sampling)
        jobs += [
            FitJob(
                seed=config.seed,
                model=name,
                embeddings=embed,
                grid=config.classical.grid,
                folds=config.classical.folds,
                scoring=config.classical.scoring,
                selection="valid" if good_only else selection,
                sampling=sampling,
            )
            for sampling in dict.fromkeys(weighted)
        ]
    return jobs

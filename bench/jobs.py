"""The flat list of jobs that a run is, built here and nowhere else."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import classifiers
from bench.config import RunConfig
from features.files import content_hash

StartingWeights = Callable[[str], str]

SYMMETRIC_AUGMENT = "hflip,vflip,turns,brightness,contrast"
FINE_TUNED = "fine-tuned"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A piece of work with everything it depends on in its fields."""

    seed: int

    @property
    def kind(self) -> str:
        """What is done, in one word."""
        return type(self).__name__.removesuffix("Job").lower()

    @property
    def title(self) -> str:
        """What people are told is being done."""
        raise NotImplementedError

    @property
    def needs(self) -> tuple["Job", ...]:
        """Jobs whose results this one takes."""
        jobs = (getattr(self, each.name) for each in fields(self))
        return tuple(job for job in jobs if isinstance(job, Job))

    @property
    def id(self) -> str:
        """Readable name, and a hash over all fields: another setting is another job."""
        text = json.dumps([self.kind, asdict(self)], sort_keys=True, default=str)
        words = "".join(c if c.isalnum() else "-" for c in self.slug.lower()).strip("-")
        return f"{self.kind}-{words}-{content_hash(text.encode())[:8]}"

    @property
    def slug(self) -> str:
        """The readable part of the id."""
        return self.title


@dataclass(frozen=True, kw_only=True)
class TrainJob(Job):
    """Train one network end to end and score the valid and test images.

    `variant`: words that tell it from others of the same network in a table.
    """

    model: str
    weights: str
    preprocess: str = "none"
    sampling: str = "all"
    params: tuple[tuple[str, Any], ...] = ()
    train_fraction: float | None = None
    variant: str = ""

    @property
    def title(self) -> str:
        """Network, what is special about it, and its starting weights."""
        what = classifiers.get_spec(self.model).title + (f", {self.variant}," if self.variant else "")
        return f"train {what} from {weights_name(self.weights)} weights"

    @property
    def slug(self) -> str:
        """Network, what is special about it, and its starting weights."""
        return "-".join(filter(None, [self.model, weights_name(self.weights), self.variant]))


@dataclass(frozen=True, kw_only=True)
class EmbedJob(Job):
    """Embed every image with one backbone."""

    backbone: str
    weights: str
    size: int | tuple[int, int] = 224
    preprocess: str = "none"
    precision: str = "bfloat16"
    storage: str = "float32"
    network: TrainJob | None = field(default=None)

    @property
    def title(self) -> str:
        """Backbone and weights."""
        return f"embed with {self.backbone}, {weights_name(self.weights)} weights"

    @property
    def slug(self) -> str:
        """Backbone and weights."""
        return f"{self.backbone}-{weights_name(self.weights)}"


@dataclass(frozen=True, kw_only=True)
class FitJob(Job):
    """Search one classical model on one set of embeddings and score the valid and test images.

    `selection`: `cv` selects by cross-validation on the train split; `valid` selects on the valid
    split, for embeddings of a network that has seen the training labels.
    """

    model: str
    embeddings: EmbedJob
    grid: str = "small"
    folds: int = 5
    scoring: str = "roc_auc"
    selection: str = "cv"
    sampling: str = "all"

    @property
    def title(self) -> str:
        """Model and features."""
        name = classifiers.get_spec(self.model).title
        return f"search {name} on {self.embeddings.backbone}, {weights_name(self.embeddings.weights)} weights"

    @property
    def slug(self) -> str:
        """Model and features."""
        return f"{self.model}-{self.embeddings.slug}"


@dataclass(frozen=True, kw_only=True)
class _LookJob(Job):
    """Look at one set of embeddings as a whole."""

    doing: ClassVar[str]
    embeddings: EmbedJob

    @property
    def title(self) -> str:
        """What is done, and features."""
        return f"{self.doing} {self.embeddings.backbone}, {weights_name(self.embeddings.weights)} weights"

    @property
    def slug(self) -> str:
        """Features."""
        return self.embeddings.slug


class ProjectJob(_LookJob):
    """Project one set of embeddings to two dimensions."""

    doing = "project"


class AuditJob(_LookJob):
    """Look for wrong labels with one set of embeddings, and cluster it."""

    doing = "audit labels on"


def to_record(job: Job) -> dict[str, Any]:
    """Return a job as JSON values, from which `from_record` makes it again."""
    values = {each.name: getattr(job, each.name) for each in fields(job)}
    plain = {name: to_record(v) if isinstance(v, Job) else v for name, v in values.items()}
    return {"id": job.id, "kind": job.kind, "title": job.title, "fields": plain}


def from_record(record: dict[str, Any]) -> Job:
    """Make the job of a record."""
    values: dict[str, Any] = {
        name: from_record(value) if isinstance(value, dict) else _hashable(value)
        for name, value in record["fields"].items()
    }
    return _KINDS[record["kind"]](**values)


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
    networks = [train_job(config, *setting, cnn_weights, symmetric) for setting in settings]
    tuned = list(_tuned_embeddings(config, cnn_weights, symmetric))
    jobs: list[Job] = []
    for embed in frozen:
        jobs += [embed, *_fit_jobs(config, embed, "cv")]
    jobs += networks
    for embed in tuned:
        jobs += [*embed.needs, embed, *_fit_jobs(config, embed, "valid")]
    if config.features.projections:
        for embed in [*frozen, *tuned]:
            jobs += [look(seed=config.seed, embeddings=embed) for look in (ProjectJob, AuditJob)]
    return list(dict.fromkeys(jobs))


def _variants(config: RunConfig) -> list[tuple[str, str]]:
    """Return every (preprocess, sampling) that networks are trained with."""
    return [(preprocess, sampling) for preprocess in config.preprocess for sampling in config.sampling]


def frozen_embeddings(config: RunConfig) -> Iterator[EmbedJob]:
    """Yield the jobs that embed with networks as they come, not trained by this run."""
    features = config.features
    for preprocess in config.preprocess:
        for backbone in features.backbones:
            for weights in features.weights_of.get(backbone, features.weights):
                yield EmbedJob(
                    seed=config.seed,
                    backbone=backbone,
                    weights=weights,
                    size=features.size,
                    preprocess=preprocess,
                    precision=features.precision,
                    storage=features.storage,
                )


def _tuned_embeddings(config: RunConfig, weights: StartingWeights, symmetric: bool) -> Iterator[EmbedJob]:
    names = config.features.fine_tuned if config.classical.models else ()
    # Of several samplings the first one's network becomes a backbone; the heads have their own.
    for name, preprocess in itertools.product(names, config.preprocess):
        network = train_job(config, name, preprocess, config.sampling[0], weights, symmetric)
        if network.train_fraction == 1:
            # Heads are chosen on the valid split, which their network must not have learnt.
            network = replace(network, train_fraction=None)
        estimator = classifiers.make_classifier(name, **dict(network.params))
        size = estimator.get_params()["size"]
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
    config: RunConfig, name: str, preprocess: str, sampling: str, weights: StartingWeights, symmetric: bool
) -> TrainJob:
    """Return the job that trains one network as the configuration says."""
    params = dict(config.cnn.params_of(name))
    if symmetric and classifiers.get_spec(name).augmented:
        params.setdefault("augment", SYMMETRIC_AUGMENT)
        params.setdefault("tta", "dihedral")
    return TrainJob(
        seed=config.seed,
        model=name,
        weights=weights(name) if classifiers.get_spec(name).pretrained else "random",
        preprocess=preprocess,
        sampling=sampling,
        params=as_params(params),
        train_fraction=config.cnn.train_fraction,
    )


def as_params(params: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return parameters as a job holds them."""
    return tuple(sorted((key, _hashable(value)) for key, value in params.items()))


def _fit_jobs(config: RunConfig, embed: EmbedJob, selection: str) -> list[Job]:
    # Drawing images anew each epoch is for networks; classical models see all rows, weighted or not.
    samplings = dict.fromkeys("balanced" if each == "balanced" else "all" for each in config.sampling)
    return [
        FitJob(
            seed=config.seed,
            model=name,
            embeddings=embed,
            grid=config.classical.grid,
            folds=config.classical.folds,
            scoring=config.classical.scoring,
            selection=selection,
            sampling=sampling,
        )
        for name in config.classical.models
        for sampling in samplings
    ]


def weights_name(weights: str) -> str:
    """Return what tables call these weights: a file goes by its stem."""
    known = weights in ("imagenet", "random", FINE_TUNED)
    return weights if known else Path(weights).stem


def _hashable(value: Any) -> Any:
    return tuple(_hashable(each) for each in value) if isinstance(value, list) else value


_KINDS: dict[str, type[Job]] = {
    "train": TrainJob,
    "embed": EmbedJob,
    "fit": FitJob,
    "project": ProjectJob,
    "audit": AuditJob,
}

"""Where networks start: ImageNet's weights, random ones, or a file."""

import functools
from collections.abc import Mapping
from typing import Any

from bench import console
from bench.config import AUTO, RunConfig
from bench.engine.context import Context
from bench.engine.job import Job
from bench.jobs.detect import DetectJob
from bench.jobs.plan import StartingWeights, build_jobs
from bench.jobs.train import TrainJob
from classifiers import detection
from features.backbones.reach import is_packaged
from features.errors import InputError, WeightsUnavailable

#: Kinds of jobs whose networks start from the weights of `cnn.weights`.
_TRAINED = (TrainJob, DetectJob)


def planned_jobs(config: RunConfig, context: Context, *, symmetric: bool) -> list[Job]:
    """Return the jobs of a run.

    Where `auto` is left to choose, a network whose trainings have all ended well keeps the weights that it
    started from. Only for other networks is it asked whether ImageNet's weights can be had.

    Parameters
    ----------
    config : RunConfig
    context : Context
        Of the run.
    symmetric : bool
        Whether the dataset allows mirrored and turned images.
    """
    before = _weights_before(context) if config.cnn.weights == AUTO else {}
    asked = starting_weights(config, context)

    def build(kept: Mapping[str, str]) -> list[Job]:
        def start(network: str) -> str:
            return kept[network] if network in kept else asked(network)

        return build_jobs(config, cnn_weights=start, symmetric=symmetric)

    jobs = build(before)
    trained = (job for job in jobs if isinstance(job, _TRAINED))
    missing = {job.model for job in trained if not context.folder.is_ok(job.id)}
    if missing.isdisjoint(before):
        return jobs
    return build({network: weights for network, weights in before.items() if network not in missing})


def starting_weights(config: RunConfig, context: Context) -> StartingWeights:
    """Return a function from a network's name to its starting weights.

    `auto` becomes ImageNet's weights where they can be reached, else random ones.
    """
    if config.cnn.weights != AUTO:
        return lambda network: config.cnn.weights

    @functools.cache
    def reached(probe: str) -> str:
        try:
            context.check_weights(probe, "imagenet")
            context.embedder.backbone(probe, "imagenet")
        except WeightsUnavailable as error:
            cause = f" ({error.__cause__})" if isinstance(error.__cause__, InputError) else ""
            console.warn(f"{error}{cause}; networks start from random weights")
            return "random"
        return "imagenet"

    def resolve(network: str) -> str:
        architecture = detection.spec_of(network).parameter("architecture")
        # All weights that are not packaged come from one hub: one small network shows whether it answers.
        return reached(architecture if is_packaged(architecture) else "resnet18")

    return resolve


def _weights_before(context: Context) -> dict[str, str]:
    """Return what `auto` was for each network in an earlier call; empty where no call left it to `auto`."""
    try:
        earlier, records = context.folder.config(), context.folder.records()
    except InputError:
        return {}
    if earlier.cnn.weights != AUTO:
        return {}
    kinds = {kind.kind_name() for kind in _TRAINED}
    trained: list[dict[str, Any]] = [each["fields"] for each in records if each["kind"] in kinds]
    return {fields["model"]: fields["weights"] for fields in trained}

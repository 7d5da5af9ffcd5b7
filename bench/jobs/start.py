"""Where networks start: ImageNet's weights, random ones, or a file."""

import functools
from typing import Any

import classifiers
from bench import console
from bench.config import AUTO, RunConfig
from bench.engine.context import Context
from bench.engine.job import Job
from bench.jobs.plan import StartingWeights, build_jobs
from features.backbones.reach import is_packaged
from features.errors import InputError, WeightsUnavailable


def planned_jobs(config: RunConfig, context: Context, *, symmetric: bool) -> list[Job]:
    """Return the jobs of a run; whether ImageNet's weights can be had is asked only where a job is missing.

    Parameters
    ----------
    config : RunConfig
    context : Context
        Of the run.
    symmetric : bool
        Whether the dataset allows mirrored and turned images.
    """
    before = _weights_before(context) if config.cnn.weights == AUTO else {}
    if before:
        try:
            jobs = build_jobs(config, cnn_weights=before.__getitem__, symmetric=symmetric)
        except KeyError:
            # A network that the earlier call did not have.
            jobs = []
        if jobs and all(context.folder.is_ok(job.id) for job in jobs):
            return jobs
    return build_jobs(config, cnn_weights=starting_weights(config, context), symmetric=symmetric)


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
        architecture = classifiers.get_spec(network).parameter("architecture")
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
    trained: list[dict[str, Any]] = [each["fields"] for each in records if each["kind"] == "train"]
    return {fields["model"]: fields["weights"] for fields in trained}

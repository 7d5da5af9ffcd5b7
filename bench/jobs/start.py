"""Where networks start: ImageNet's weights, random ones, or a file."""

import functools

import classifiers
from bench import console
from bench.config import RunConfig
from bench.engine.embedder import Embedder
from bench.jobs.plan import StartingWeights
from features.backbones.weights import is_packaged
from features.errors import InputError, WeightsUnavailable


def starting_weights(config: RunConfig, embedder: Embedder) -> StartingWeights:
    """Return a function from a network's name to its starting weights.

    `auto` becomes ImageNet's weights where they can be reached, else random ones.
    """
    if config.cnn.weights != "auto":
        return lambda network: config.cnn.weights

    @functools.cache
    def reached(probe: str) -> str:
        try:
            embedder.backbone(probe, "imagenet")
        except WeightsUnavailable as error:
            cause = f" ({error.__cause__})" if isinstance(error.__cause__, InputError) else ""
            console.warn(f"{error}{cause}; networks start from random weights")
            return "random"
        return "imagenet"

    def resolve(network: str) -> str:
        architecture = classifiers.make_classifier(network).architecture
        # All weights that are not packaged come from one hub: one small network shows whether it answers.
        return reached(architecture if is_packaged(architecture) else "resnet18")

    return resolve

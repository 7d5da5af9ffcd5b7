"""What the registry knows of a classifier."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

ParamGrid = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]]


@dataclass(frozen=True)
class ClassifierSpec:
    """One line of the registry.

    Parameters
    ----------
    name : str
        What the user types.
    title : str
        What tables show.
    kind : {"classical", "cnn"}
        `classical` takes embeddings (n, d); `cnn` takes uint8 images (n, height, width[, 3]).
    make : callable
        Takes parameters as keywords, returns an unfitted estimator.
    summary : str
        One line for `defectbench models`.
    grids : mapping of str to param_grid
        For classical ones: the grids `small` and `full`, in the names of `make`'s estimator.
    balance : callable, optional
        For classical ones: labels (n,) of 0 and 1 to the parameters that weigh both classes equally.
    pretrained : bool
        For networks: whether there are ImageNet weights to start from.
    augmented : bool
        For networks: whether they are trained with augmentation.
    """

    name: str
    title: str
    kind: Literal["classical", "cnn"]
    make: Callable[..., BaseEstimator]
    summary: str
    grids: Mapping[str, ParamGrid] = field(default_factory=dict)
    balance: Callable[[np.ndarray], dict[str, Any]] | None = None
    pretrained: bool = False
    augmented: bool = False


def standardised(model: BaseEstimator) -> Pipeline:
    """Put a classifier behind a `StandardScaler`, so that scaling is learnt per training fold."""
    return Pipeline([("scale", StandardScaler()), ("model", model)])

"""The entries of the registry. This module imports neither scikit-learn nor torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

#: What a model learns from: images of both classes, or good images alone.
LABELS, GOOD_ONLY = "labels", "good only"

ParamGrid = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]]


@dataclass(frozen=True)
class ClassifierSpec:
    """One entry of the registry: what is known about a classifier before it is imported.

    Parameters
    ----------
    name : str
        Name on the command line and in configuration files.
    title : str
        Name in tables.
    kind : {"classical", "cnn", "detector", "patches"}
        `classical` takes embeddings (n, d). The others take uint8 images (n, height, width[, 3]): `cnn` is a
        network to train, `detector` a network that also takes the boxes of the defects in training, `patches`
        a detector on the patch features of a frozen backbone.
    make : callable
        Takes the estimator's parameters as keywords and returns an unfitted estimator. It imports the
        libraries that it needs, so that listing the models stays fast.
    summary : str
        One line for `defectbench models`.
    grids : mapping of str to param_grid
        Classical models only: the grids `small` and `full`, in the parameter names of the estimator.
    balance : callable, optional
        Classical models only: takes labels (n,) of 0 and 1 and returns the parameters that give both
        classes equal weight. None if the model has no such parameters.
    search_seconds : float
        Classical models only: seconds that five folds of the small grid take per million values of the
        training matrix, on two cores; for the estimate of a run's duration.
    trusted : tuple of str
        All but networks: full names of the types in a fitted estimator that skops does not trust by
        default. Types that a small fitted copy of a classical model contains need not be listed; listing
        them makes loading faster.
    supervision : {"labels", "good only"}
        Whether the model learns from the labels of both classes or from good images only. The parameters of a
        model that learns from good images only are fixed, or selected on the valid split.
    settings : mapping of str to object
        Networks only: the parameters in which the model differs from the defaults of its class.
    defaults : mapping of str to object
        Networks only: defaults of the class, `size` and `epochs`, that planning a run asks for; those
        that are not listed are read from the class, which imports torch.
    pretrained : bool
        Networks only: whether there are ImageNet weights to start from.
    augmented : bool
        Networks only: whether training augments the images.
    """

    name: str
    title: str
    kind: Literal["classical", "cnn", "detector", "patches"]
    make: Callable[..., BaseEstimator]
    summary: str
    grids: Mapping[str, ParamGrid] = field(default_factory=dict)
    balance: Callable[[np.ndarray], dict[str, Any]] | None = None
    search_seconds: float = 5.0
    trusted: tuple[str, ...] = ()
    supervision: str = LABELS
    settings: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    pretrained: bool = False
    augmented: bool = False

    def parameter(self, name: str) -> Any:
        """Return the value of a network's parameter that `make` gives it by default.

        Examples
        --------
        >>> ClassifierSpec("n", "N", "cnn", make=dict, summary="", defaults={"size": 64}).parameter("size")
        64
        """
        known = {**self.defaults, **self.settings}
        return known[name] if name in known else self.make().get_params()[name]


@dataclass(frozen=True)
class Deferred:
    """A class that is imported when it is called for the first time.

    Parameters
    ----------
    target : str
        `module:name`.
    settings : mapping of str to object
        Keywords that differ from the defaults of the class; keywords of a call override them.

    Examples
    --------
    >>> Deferred("fractions:Fraction", {"denominator": 4})(numerator=1)
    Fraction(1, 4)
    """

    target: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, **params: Any) -> Any:
        """Import the class and make an instance."""
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)(**{**self.settings, **params})


def standardised(model: BaseEstimator) -> Pipeline:
    """Return a pipeline of a `StandardScaler` and `model`, so that each training fold is scaled by itself."""
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    return Pipeline([("scale", StandardScaler()), ("model", model)])


def plain_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters of a `standardised` model as JSON values, by their names in the model itself.

    Examples
    --------
    >>> plain_params({"model__C": 0.1, "model__kernel": "rbf"})
    {'C': 0.1, 'kernel': 'rbf'}
    """
    import numpy as np

    return {name.removeprefix("model__"): np.asarray(value).tolist() for name, value in params.items()}

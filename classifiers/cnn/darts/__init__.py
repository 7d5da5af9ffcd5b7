"""DARTS: cells of candidate operations, the search for them, and the networks that stack them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from classifiers.cnn.darts.genotype import Genotype, random_genotype, read_genotype
    from classifiers.cnn.darts.search.estimator import DartsSearch

__all__ = ["DartsSearch", "Genotype", "random_genotype", "read_genotype"]

_HOMES = {"DartsSearch": "search.estimator"}


def __getattr__(name: str) -> Any:
    # Loaded on first use: a genotype needs no search, and the network rooms import both.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'genotype')}"), name)

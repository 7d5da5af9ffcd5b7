"""The names that job kinds give to their rows."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import classifiers
from bench.config import RunConfig
from features.files import content_hash
from results.feature_set import FINE_TUNED, FeatureSet

_NAMED = ("imagenet", "random", FINE_TUNED)


def weights_name(weights: str) -> str:
    """Return the name of weights in tables: a file goes by its stem."""
    return weights if weights in _NAMED else Path(weights).stem


def weights_hash(weights: str) -> str:
    """Return the hash of a weights file; empty for named weights and for a file that is not there."""
    path = Path(weights).expanduser()
    return "" if weights in _NAMED or not path.is_file() else content_hash(path.read_bytes())


def numbered(name: str, separator: str = " ") -> Iterator[str]:
    """Yield a name, then the name with the numbers 2, 3 and so on behind it."""
    yield name
    yield from (f"{name}{separator}{number}" for number in itertools.count(2))


def by_content(identity: dict[str, Any]) -> dict[str, Any]:
    """Return what a job's id depends on, with a weights file named by its content, not by its path."""
    found = identity.pop("weights_hash")
    return {**identity, "weights": found} if found else identity


def as_hashable(value: Any) -> Any:
    """Return a value with lists as tuples, as job fields hold them."""
    return tuple(as_hashable(each) for each in value) if isinstance(value, list) else value


def as_params(params: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return parameters as a job holds them."""
    return tuple(sorted((key, as_hashable(value)) for key, value in params.items()))


def network_title(model: str, cell: str = "") -> str:
    """Return the name of a network in tables; that of another cell is in brackets."""
    title = classifiers.get_spec(model).title
    return f"{title.partition(' (')[0]} ({cell})" if cell else title


def row_of(model: str, features: FeatureSet, sampling: str, config: RunConfig) -> dict[str, Any]:
    """Return the key columns of a leaderboard row."""
    return {
        "model": model,
        **features.columns(),
        "split_kind": config.split_name,
        "sampling": sampling,
        "repeat": 0,
    }

"""The names that job kinds give to their rows."""

from pathlib import Path
from typing import Any

from bench.config import RunConfig
from results.feature_set import FeatureSet

FINE_TUNED = "fine-tuned"


def weights_name(weights: str) -> str:
    """Return the name of weights in tables: a file goes by its stem."""
    known = weights in ("imagenet", "random", FINE_TUNED)
    return weights if known else Path(weights).stem


def row_of(model: str, features: FeatureSet, sampling: str, config: RunConfig) -> dict[str, Any]:
    """Return the key columns of a leaderboard row."""
    return {
        "model": model,
        **features.columns(),
        "split_kind": config.split.kind,
        "sampling": sampling,
        "repeat": 0,
    }

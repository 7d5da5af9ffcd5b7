"""Where embeddings are cached."""

import os
from pathlib import Path

from features.store import EmbeddingStore

CACHE_VARIABLE = "DEFECTBENCH_CACHE"


def cache_folder(cache: str | Path | None = None) -> Path:
    """Return the folder of caches: as told, DEFECTBENCH_CACHE, or ~/.cache/defectbench."""
    chosen = cache or os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "defectbench"
    return Path(chosen).expanduser()


def open_store(cache: str | Path | None = None) -> EmbeddingStore:
    """Return the embedding store of the caches."""
    return EmbeddingStore(cache_folder(cache) / "embeddings")

"""Where generated images and embeddings are cached."""

import os
from pathlib import Path

CACHE_VARIABLE = "DEFECTBENCH_CACHE"


def cache_folder(cache: str | Path | None = None) -> Path:
    """Return the folder of caches: the one given, else DEFECTBENCH_CACHE, else ~/.cache/defectbench."""
    chosen = cache or os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "defectbench"
    return Path(chosen).expanduser()

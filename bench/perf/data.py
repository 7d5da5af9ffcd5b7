"""What is measured on: ELPV's images and their embeddings."""

from pathlib import Path

import numpy as np

from bench.config import load_config
from bench.console import task
from bench.run import cache_folder
from features.cached import CachedExtractor
from features.datasets import load_dataset
from features.extractor import Extractor
from features.splits import make_split
from features.store import EmbeddingStore

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def elpv_rows(cache: str | Path | None = None) -> Rows:
    """Return random ResNet-18 embeddings of ELPV as the preset `elpv` makes them.

    Returns
    -------
    X, y : float32 array (1968, 512) and int array
        The train and valid splits.
    X_test, y_test
        The test split.
    """
    config = load_config("elpv")
    dataset = load_dataset("elpv")
    split = make_split(dataset, kind=config.split.kind, sizes=config.split.sizes, seed=config.seed)
    extractor = Extractor("resnet18", "random", size=config.features.size, seed=config.seed)
    store = EmbeddingStore(cache_folder(cache) / "embeddings")
    paths = dataset.table["path"].tolist()
    with task("embed with resnet18, random weights", len(paths)) as update:
        matrix = CachedExtractor(extractor, store).transform(paths, progress=update)
    test = (split == "test").to_numpy()
    return matrix[~test], dataset.y[~test], matrix[test], dataset.y[test]

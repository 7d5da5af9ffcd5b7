"""What is measured on: ELPV's images and their embeddings."""

from pathlib import Path

import numpy as np
from PIL import Image

from bench.config import load_config
from bench.console import task
from features.datasets import load_dataset
from features.extract.cached import CachedExtractor
from features.extract.extractor import Extractor
from features.pixels.images import read_image
from features.splits import make_split
from features.store.store import open_store

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def elpv_files() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return ELPV's paths, labels, and which are test images, as the preset `elpv` splits them."""
    config = load_config("elpv")
    dataset = load_dataset("elpv")
    # ELPV has no copies; to read its files for them would take seconds.
    alone = np.arange(len(dataset.table))
    kind, sizes = config.split.kind, config.split.sizes
    split = make_split(dataset, kind=kind, sizes=sizes, seed=config.seed, copies=alone)
    return dataset.table["path"].tolist(), dataset.y, (split == "test").to_numpy()


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
    paths, y, test = elpv_files()
    extractor = Extractor("resnet18", "random", size=config.features.side, seed=config.seed)
    with task("embed with resnet18, random weights", len(paths)) as update:
        matrix = CachedExtractor(extractor, open_store(cache)).transform(paths, progress=update)
    return matrix[~test], y[~test], matrix[test], y[test]


def as_jpegs(paths: list[str], folder: str | Path, copies: int) -> list[str]:
    """Write each image `copies` times as a JPEG file of its own and return where they are."""
    written = []
    for copy in range(copies):
        for number, path in enumerate(paths):
            target = Path(folder) / f"{copy}-{number}.jpg"
            pixels = read_image(path)
            # One pixel differs, so that no two files have the same content.
            pixels = pixels.copy()
            pixels.flat[copy] ^= 1
            Image.fromarray(pixels).save(target, quality=95, comment=f"{copy}-{number}".encode())
            written.append(str(target))
    return written

"""Embed so many files into a store and print the peak memory in bytes: `embed_many.py FOLDER COUNT`."""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.perf.process import peak_gib
from features.backbones.registry import Backbone
from features.extract.cached import CachedExtractor
from features.extract.extractor import Extractor
from features.store.store import EmbeddingStore

SIDE, DIM = 128, 256


class Coarse(torch.nn.Module):
    """Means of eighths of the image through one dense layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.out = torch.nn.Linear(3 * 64, DIM)

    def forward(self, pixels):
        return self.out(torch.nn.functional.adaptive_avg_pool2d(pixels, 8).flatten(1))


def write_images(folder, count):
    """Write BMP files, no two alike."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    paths = []
    for number in range(count):
        base.flat[:4] = np.frombuffer(np.uint32(number).tobytes(), np.uint8)
        paths.append(str(Path(folder) / f"{number:06d}.bmp"))
        Image.fromarray(base).save(paths[-1])
    return paths


def main(folder, count):
    """Write the files, embed them, read them again."""
    paths = write_images(folder, int(count))
    backbone = Backbone("coarse", "random", "3" * 64, Coarse(), DIM)
    extractor = Extractor(backbone, size=64, workers=0, batch_size=64, precision="float32", device="cpu")
    cached = CachedExtractor(extractor, EmbeddingStore(Path(folder) / "store"))
    matrix = cached.transform(paths)
    assert matrix.shape == (len(paths), DIM)
    print(round(peak_gib() * 2**30))


if __name__ == "__main__":
    main(*sys.argv[1:])

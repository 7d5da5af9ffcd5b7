import numpy as np
import pandas as pd
import pytest
from made import spots

from bench.config import RunConfig
from bench.engine.embedder import Embedder
from features.backbones.registry import load_backbone
from features.store import store as store_module
from features.store.store import EmbeddingStore


@pytest.mark.parametrize("machine", ["here", "elsewhere"])
def test_times_of_cached_embeddings_are_those_of_this_machine(machine, write_image, tmp_path, monkeypatch):
    pixels, _ = spots(6, 24)
    paths = [write_image(f"f{row}.png", image) for row, image in enumerate(pixels)]
    images = pd.DataFrame({"image_id": paths, "path": paths, "label": "good", "height": 24, "width": 24,
                           "channels": 1})  # fmt: skip
    embedder = Embedder(RunConfig(), images, EmbeddingStore(tmp_path / "store"))
    cached = embedder.extractor(
        load_backbone("resnet18", "random"),
        size=24,
        preprocess="none",
        precision="float32",
        storage="float32",
    )
    monkeypatch.setattr(store_module, "this_machine", lambda: machine)
    cached.transform(paths)
    stored = cached.collection().microseconds_per_image
    monkeypatch.setattr(store_module, "this_machine", lambda: "here")
    embedded = embedder.embed("embed", cached, [])
    if machine == "here":
        assert embedded.microseconds == stored
    else:
        assert embedded.microseconds == pytest.approx(1e6 * embedded.cost.seconds[1])
    assert np.isfinite(embedded.microseconds)

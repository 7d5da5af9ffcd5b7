"""Images of many sizes share the network's passes, and each gets the embedding it gets alone."""

import numpy as np
import pytest
import torch
from PIL import Image

from features.extract.cached import CachedExtractor, transform_together
from features.extract.extractor import Extractor
from features.extract.forward import Forward
from features.store import EmbeddingStore


@pytest.fixture(scope="module")
def mixed():
    """Grey and colour images of 12 sizes, one of them the network's."""
    rng = np.random.default_rng(0)
    shapes = [(20 + 5 * i, 64 - 3 * i, *((3,) if i % 3 == 1 else ())) for i in range(11)] + [(48, 48)]
    return [rng.integers(0, 256, shape, np.uint8) for shape in shapes]


@pytest.fixture
def passes(monkeypatch):
    """Count the images of each pass."""
    sizes = []
    original = Forward._embed
    monkeypatch.setattr(Forward, "_embed", lambda self, x: (sizes.append(len(x)), original(self, x))[1])
    return sizes


def make(**options):
    return Extractor("resnet18", "random", **{"size": 48, "workers": 0, "precision": "float32", **options})


def test_images_of_many_sizes_share_a_pass(mixed, passes):
    make(batch_size=12).transform(mixed)
    assert sorted(passes) == [4, 8]
    passes.clear()
    make(batch_size=4).transform([image for image in mixed if image.ndim == 2])
    assert passes == [4, 4]


def test_images_of_many_sizes_are_embedded_as_each_is_alone(mixed):
    single = make()
    alone = np.concatenate([single.transform([image]) for image in mixed])
    np.testing.assert_allclose(make(batch_size=12).transform(mixed), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_the_other_images_of_a_batch_do_not_change_an_embedding(mixed, batch_size):
    order = np.random.default_rng(batch_size).permutation(len(mixed))
    shuffled = make(batch_size=batch_size).transform([mixed[row] for row in order])
    straight = make(batch_size=12).transform(mixed)
    np.testing.assert_allclose(shuffled, straight[order], rtol=1e-4, atol=1e-5)


def test_mixed_sizes_are_halved_when_memory_runs_out(mixed, monkeypatch):
    expected = make(batch_size=12).transform(mixed)
    resized, embedded = Forward._resized, Forward._embed

    def small_memory(self, stacks, start, count):
        if count > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return resized(self, stacks, start, count)

    sizes = []
    monkeypatch.setattr(Forward, "_resized", small_memory)
    monkeypatch.setattr(Forward, "_embed", lambda self, x: (sizes.append(len(x)), embedded(self, x))[1])
    np.testing.assert_allclose(make(batch_size=12).transform(mixed), expected, rtol=1e-4, atol=1e-5)
    assert max(sizes) <= 5 and sum(sizes) == 12


def test_building_the_network_is_not_in_the_seconds_of_its_first_batch(mixed, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("features.extract.extractor.time.perf_counter", lambda: clock[0])
    build, embed = Forward._network, Forward._embed

    def slow_build(self, channels):
        clock[0] += 0 if channels in self._networks else 1000
        return build(self, channels)

    def one_second(self, pixels):
        clock[0] += 1
        return embed(self, pixels)

    monkeypatch.setattr(Forward, "_network", slow_build)
    monkeypatch.setattr(Forward, "_embed", one_second)
    (batch,) = make(batch_size=12).batches(mixed)
    assert batch.seconds == 2


def test_the_embedding_time_of_a_backbone_holds_no_time_of_another(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("features.extract.extractor.time.perf_counter", lambda: clock[0])
    embed = Forward._embed

    def passes(self, pixels):
        clock[0] += {24: 1, 48: 100}[pixels.shape[-1]] * len(pixels)
        return embed(self, pixels)

    monkeypatch.setattr(Forward, "_embed", passes)
    files = []
    for number in range(6):
        files.append(str(tmp_path / f"{number}.png"))
        Image.new("L", (30, 30), 40 * number).save(files[-1])
    store = EmbeddingStore(tmp_path / "store")
    fast, slow = (CachedExtractor(make(size=size, batch_size=4), store) for size in (24, 48))
    transform_together([fast, slow], files)
    assert fast.collection().microseconds_per_image == 1e6
    assert slow.collection().microseconds_per_image == 100e6

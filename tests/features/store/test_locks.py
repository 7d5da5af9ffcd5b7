"""A small extraction does not wait for another process's lock, and concurrent writers lose nothing."""

import os
import signal
import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from made import spots

from features.backbones.registry import Backbone
from features.extract.cached import CachedExtractor
from features.extract.extractor import Extractor
from features.store import locks
from features.store.store import EmbeddingStore, StoreBusy


class Means(torch.nn.Module):
    def forward(self, images):
        return images.mean(dim=(2, 3))


def cached(folder, **options):
    backbone = Backbone("means", "random", "2" * 64, Means(), 3)
    settings = {"size": 16, "workers": 0, "batch_size": 4, "precision": "float32", "device": "cpu"}
    return CachedExtractor(Extractor(backbone, **{**settings, **options}), EmbeddingStore(folder))


@pytest.fixture
def images(write_image):
    pixels, _ = spots(14, 16)
    return [write_image(f"f{i:02d}.png", image) for i, image in enumerate(pixels)]


@contextmanager
def another_process(enter):
    """A process that holds what `enter` returns, a context manager, for as long as the block runs."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with enter():
                os.write(writing, b"!")
                time.sleep(120)
        finally:
            os._exit(0)
    assert os.read(reading, 1) == b"!"
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("which", ["claim", "lock"])
def test_a_lock_held_by_another_process_does_not_delay_a_small_extraction(which, images, tmp_path):
    expected = cached(tmp_path / "alone").transform(images)
    store = tmp_path / "shared"
    collection = cached(store).collection()
    held = collection.lock if which == "lock" else (lambda: collection.claim(["of other images"]))
    lines = []
    with another_process(held):
        started = time.perf_counter()
        np.testing.assert_array_equal(cached(store).transform(images, warn=lines.append), expected)
        assert time.perf_counter() - started < 10
        if which == "lock":
            assert lines[-1].endswith("14 embeddings are used but not stored")
            assert collection.rows == 0
        else:
            assert collection.rows == len(images)
            np.testing.assert_array_equal(cached(store).transform(images), expected)
    np.testing.assert_array_equal(cached(store).transform(images), expected)
    assert collection.rows == len(images)


def test_some_images_stored_and_some_kept_from_it_come_in_the_order_asked_for(images, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "LONGEST_WAIT", 0.1)
    expected = cached(tmp_path / "alone").transform(images)
    store = tmp_path / "shared"
    cached(store).transform(images[::2])
    with another_process(cached(store).collection().lock):
        asked = [*images[::-1], images[1]]
        np.testing.assert_array_equal(
            cached(store).transform(asked), np.concatenate([expected[::-1], expected[1:2]])
        )


def test_a_process_without_the_claim_stores_no_image_twice(images, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "LONGEST_WAIT", 0.1)
    late, store = cached(tmp_path), EmbeddingStore(tmp_path)
    decode = late.extractor.decoded

    def overtaken(X, forward):
        # Another process embeds half of the images while this one decodes.
        batches = list(decode(X, forward))
        cached(tmp_path).transform(images[:7])
        return iter(batches)

    late.extractor.decoded = overtaken
    with another_process(lambda: late.collection().claim(["of other images"])):
        late.transform(images)
    (collection,) = store.collections()
    stored = [content for part in collection.parts() for content in part.contents().to_pylist()]
    assert len(stored) == len(set(stored)) == len(images)


def test_waiting_goes_on_while_the_other_process_stores_what_is_needed(tmp_path, monkeypatch):
    clock, left = [0.0], [100]
    monkeypatch.setattr(locks.time, "monotonic", lambda: clock[0])

    def never_free(lock, seconds):
        clock[0] += 5
        return False

    monkeypatch.setattr(locks, "_acquired", never_free)

    def count_missing():
        left[0] = max(left[0] - 1, 90)
        return left[0]

    told = []
    with locks.claimed(tmp_path, count_missing, lambda: told.append("waits")):
        # Nine polls found new images; then it waits as long as embedding 90 images would take.
        assert 45 + locks.patience_for(90) <= clock[0] <= 50 + locks.patience_for(90)
    assert told == ["waits"] and locks.patience_for(10**6) == locks.LONGEST_WAIT


def test_a_writer_that_cannot_have_the_lock_says_so(tmp_path, images):
    collection = cached(tmp_path).collection()
    with (
        another_process(collection.lock),
        pytest.raises(StoreBusy, match=r"held by another process for 0\.1 s"),
        collection.lock(patience=0.1),
    ):
        pass

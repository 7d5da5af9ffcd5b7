from pathlib import Path

import numpy as np
import pytest
import torch
from made import spots

from features.arrays import load_images
from features.backbones import load_backbone
from features.cached import CachedExtractor
from features.errors import InputError
from features.extractor import Extractor
from features.store import EmbeddingStore


@pytest.fixture
def files(write_image):
    images, _ = spots(12, 40)
    return [write_image(f"f{i}.png", image) for i, image in enumerate(images)], images


def make(**options):
    return Extractor("resnet18", "random", **{"size": 64, "workers": 0, "batch_size": 5, **options})


def test_files_and_arrays_give_the_same(files):
    paths, images = files
    out = make().fit(paths).transform(paths)
    assert out.shape == (12, 512) and out.dtype == np.float32
    np.testing.assert_array_equal(out, make().transform(images))
    np.testing.assert_array_equal(out, make(workers=2).transform(paths))


def test_batches_do_not_change_the_numbers(files):
    paths, _ = files
    whole, single = (make(batch_size=n, precision="float32").transform(paths) for n in (12, 1))
    np.testing.assert_allclose(whole, single, rtol=1e-4, atol=1e-5)


def test_mixed_sizes_and_colours_keep_their_order(files, write_image):
    paths, images = files
    other = write_image("wide.png", np.zeros((30, 50), np.uint8))
    colour = write_image("colour.png", np.zeros((40, 40, 3), np.uint8))
    mixed = [paths[3], other, paths[0], colour, paths[7]]
    out = make().transform(mixed)
    for row, path in enumerate(mixed):
        expected = make().transform([path])[0]
        assert np.dot(out[row], expected) / np.linalg.norm(out[row]) / np.linalg.norm(expected) > 0.9999


def test_half_precision_does_not_move_the_embeddings(files):
    paths, _ = files
    exact = make(precision="float32").transform(paths)
    fast = make(precision="bfloat16").transform(paths)
    cosine = (exact * fast).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(fast, axis=1)
    assert cosine.min() >= 0.999


def test_bad_images_are_all_named(files, tmp_path):
    paths, _ = files
    (tmp_path / "bad.png").write_bytes(b"junk")
    with pytest.raises(InputError, match=r"2 of 3 images unreadable: .*bad\.png.*nowhere\.png"):
        make().transform([str(tmp_path / "bad.png"), paths[0], str(tmp_path / "nowhere.png")])


def test_an_empty_list_is_refused():
    with pytest.raises(InputError, match="empty image list"):
        make().transform([])


@pytest.mark.parametrize(
    ("option", "message"), [({"precision": "int8"}, "precision 'int8'"), ({"device": "tpu9"}, "tpu9")]
)
def test_unknown_settings_are_named(files, option, message):
    with pytest.raises(InputError, match=message):
        make(**option).transform(files[0])


class Counted:
    """A backbone that counts its forward passes."""

    def __init__(self):
        self.images = 0
        self.backbone = load_backbone("resnet18", "random")
        self.backbone.module.register_forward_hook(self._count)

    def _count(self, module, inputs, output):
        self.images += len(inputs[0])


@pytest.fixture
def counted(monkeypatch):
    counted = Counted()
    # Fusing copies the module, hooks and all would be traced away: count on the plain one.
    monkeypatch.setattr("features.network.fuse_batch_norms", lambda module: module)
    monkeypatch.setattr("features.extractor.grey_network", lambda b: _Grey(b.module))
    return counted


class _Grey(torch.nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, pixels):
        return self.module(pixels.float().expand(-1, 3, -1, -1) / 255)


def test_a_second_run_computes_nothing(files, tmp_path, counted):
    paths, images = files

    def cached(**options):
        extractor = Extractor(counted.backbone, size=64, workers=0, **options)
        return CachedExtractor(extractor, EmbeddingStore(tmp_path / "store"))

    first = cached().transform(paths[:8])
    assert counted.images == 8
    np.testing.assert_array_equal(cached().transform(paths[:8]), first)
    assert counted.images == 8
    both = cached().transform(paths[::-1])  # four new ones; the order is the one asked for
    assert counted.images == 12
    np.testing.assert_array_equal(both[::-1][:8], first)
    cached(precision="float32").transform(paths[:2])
    assert counted.images == 14
    cached(preprocess="none").transform(paths)
    assert counted.images == 14


def test_renamed_and_doubled_files_cost_nothing(files, tmp_path, counted):
    paths, _ = files
    cached = CachedExtractor(Extractor(counted.backbone, size=64, workers=0), EmbeddingStore(tmp_path / "s"))
    first = cached.transform([paths[0], paths[1], paths[0]])
    assert counted.images == 2
    moved = tmp_path / "elsewhere.png"
    moved.write_bytes(Path(paths[0]).read_bytes())
    np.testing.assert_array_equal(cached.transform([str(moved)])[0], first[0])
    assert counted.images == 2


def test_good_images_are_stored_when_others_are_bad(files, tmp_path, counted):
    paths, _ = files
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"junk")
    cached = CachedExtractor(Extractor(counted.backbone, size=64, workers=0), EmbeddingStore(tmp_path / "s"))
    with pytest.raises(InputError, match=r"1 of 3 images unreadable: .*bad\.png"):
        cached.transform([paths[0], str(bad), paths[1]])
    assert cached.collection().rows == 2


def test_load_images_fills_one_array(files, tmp_path, write_image):
    paths, images = files
    np.testing.assert_array_equal(load_images(paths, size=40, workers=0), images)
    rgb = load_images(paths, size=(20, 30), channels=3, workers=0)
    assert rgb.shape == (12, 20, 30, 3)
    spilled = load_images(paths, size=40, workers=0, spill=tmp_path / "x.npy", memory_bytes=100)
    assert isinstance(spilled, np.memmap)
    np.testing.assert_array_equal(spilled, images)

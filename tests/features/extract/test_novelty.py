import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from features.extract.novelty import SIDE, patch_novelty


@pytest.fixture(scope="module")
def parts():
    """60 noisy parts, of which 12 bear a blob somewhere: images, whether each is good."""
    rng = np.random.default_rng(0)
    images = rng.normal(90, 6, size=(60, SIDE, SIDE))
    images[:, 40:90, 30:100] += 60
    # Parts lie a little aslant, and one place of theirs is never twice the same.
    images = np.stack([np.roll(image, rng.integers(-3, 4, 2), (0, 1)) for image in images])
    images[:, 100:110, 60:70] += rng.normal(0, 25, size=(60, 1, 1))
    good = np.arange(60) >= 12
    for image in images[:12]:
        y, x = rng.integers(10, SIDE - 20, 2)
        image[y : y + 9, x : x + 9] -= 40
    return images.clip(0, 255).astype(np.uint8), good


def test_blobs_are_unusual_and_good_parts_are_not(parts):
    images, good = parts
    novelty = patch_novelty(images, good)
    assert novelty.dtype == np.float32 and novelty.shape == (60,)
    assert roc_auc_score(~good, novelty) > 0.95


def test_the_brightness_of_a_photograph_is_no_novelty(parts):
    images, good = parts
    darker = images.copy()
    darker[20] = (darker[20] * 0.6).astype(np.uint8)
    novelty = patch_novelty(darker, good)
    assert novelty[20] < np.median(novelty[~good])


def test_a_few_bad_references_do_no_harm(parts):
    images, good = parts
    believed = good.copy()
    believed[:2] = True
    novelty = patch_novelty(images, believed)
    assert roc_auc_score(~good, novelty) > 0.9


def test_colour_and_chunks_and_seed(parts, monkeypatch):
    images, good = parts
    colour = np.repeat(images[..., None], 3, axis=3)
    done: list[int] = []
    whole = patch_novelty(colour, good, seed=1, progress=done.append)
    monkeypatch.setattr("features.extract.novelty._CHUNK", 16)
    np.testing.assert_allclose(patch_novelty(colour, good, seed=1, progress=done.append), whole, rtol=1e-3)
    assert done == [60, 16, 32, 48, 60]
    assert not np.allclose(patch_novelty(colour, good, seed=2), whole)

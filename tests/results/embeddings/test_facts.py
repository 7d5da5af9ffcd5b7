import numpy as np
import pytest

from results.embeddings.facts import embedding_facts


@pytest.fixture
def matrix():
    return np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)


def test_sound_embeddings_have_no_missing_constant_or_saturated_values(matrix):
    assert embedding_facts(matrix) == {
        "images": 200, "dimensions": 16, "not_finite": 0, "different": 200, "constant": 0, "saturated": 0,
    }  # fmt: skip


def test_images_with_a_missing_or_infinite_value_are_counted_once(matrix):
    matrix[3, :2], matrix[5, 1], matrix[9, 0] = np.nan, np.inf, -np.inf
    facts = embedding_facts(matrix)
    assert facts["not_finite"] == 3 and facts["different"] == 197 and facts["constant"] == 0


def test_constant_dimensions_and_equal_images_are_counted(matrix):
    matrix[:, [2, 7]] = 0.5
    matrix[10:20] = matrix[0]
    facts = embedding_facts(matrix)
    assert facts["constant"] == 2 and facts["different"] == 190
    assert embedding_facts(np.ones((5, 3)))["different"] == 1


def test_dimensions_at_their_largest_value_or_beyond_float16_are_saturated(matrix):
    matrix[:, 4] = np.minimum(matrix[:, 4], -0.5)
    matrix[:, 5] = np.minimum(matrix[:, 5], 1.0)
    matrix[0, 6] = 7e4
    # Zeros below, as a rectifier leaves them, are no saturation.
    matrix[:, 8] = np.maximum(matrix[:, 8], 0.5)
    assert embedding_facts(matrix)["saturated"] == 2


def test_embeddings_of_nothing_have_facts():
    assert embedding_facts(np.full((3, 2), np.nan))["different"] == 0
    assert embedding_facts(np.empty((0, 4)))["images"] == 0

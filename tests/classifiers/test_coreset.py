import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.coreset import PROJECTED, greedy_coreset


def slow(rows, first, count):
    """k-centre greedy as its definition reads."""
    chosen = [first]
    while len(chosen) < count:
        distance = np.linalg.norm(rows[:, None].astype(float) - rows[None, chosen], axis=2).min(axis=1)
        distance[chosen] = -1
        chosen.append(int(distance.argmax()))
    return chosen


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 40), d=st.integers(1, 9), share=st.floats(0.05, 1), seed=st.integers(0, 99))
def test_it_is_k_centre_greedy(n, d, share, seed):
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    count = max(1, round(share * n))
    found = greedy_coreset(rows, count, np.random.default_rng(seed))
    assert found.tolist() == slow(rows, int(found[0]), count)
    assert found.tolist() == greedy_coreset(rows, count, np.random.default_rng(seed)).tolist()


def test_every_cluster_gets_a_row_and_equal_rows_do_no_harm():
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 50, (12, 2 * PROJECTED))
    rows = np.repeat(centres, 30, axis=0) + rng.normal(0, 0.1, (360, 2 * PROJECTED))
    chosen = greedy_coreset(rows.astype(np.float32), 12, np.random.default_rng(1))
    assert sorted(chosen // 30) == list(range(12))
    equal = greedy_coreset(np.ones((5, 3), np.float32), 5, np.random.default_rng(0))
    assert sorted(equal) == list(range(5))


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_rows_far_from_the_origin_keep_their_distances(offset):
    rows = np.array([[0.0], [1.0], [2.0], [10.0]], np.float32) + np.float32(offset)
    found = greedy_coreset(rows, 2, np.random.default_rng(0))
    assert found.tolist() == slow(rows, int(found[0]), 2)

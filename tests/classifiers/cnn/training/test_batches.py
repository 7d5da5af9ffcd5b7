import numpy as np

from classifiers.cnn.training.batches import EpochOrder


def test_sampling_draws_what_it_says():
    y = np.array([0] * 90 + [1] * 10)
    bootstrap = EpochOrder(y, "20B")
    rows = bootstrap(0)
    assert len(rows) == len(bootstrap) == 40 and (y[rows] == 1).sum() == 20
    assert len(set(rows[y[rows] == 1])) < 20
    without = EpochOrder(y, "20S")(0)
    assert len(without) == len(set(without)) == 30
    assert sorted(EpochOrder(y)(0)) == list(range(100))
    assert (EpochOrder(y)(0) != EpochOrder(y)(1)).any()
    np.testing.assert_array_equal(EpochOrder(y, "20B")(3), EpochOrder(y, "20B")(3))

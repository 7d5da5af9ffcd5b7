import numpy as np
import pytest

from classifiers.cnn.training.batches import EpochOrder, to_tensor


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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 4, 4, 3), (2, 5)])
def test_images_that_are_read_only_become_a_tensor_without_a_warning(shape):
    inputs = np.ones(shape, np.uint8)
    inputs.flags.writeable = False
    assert to_tensor(inputs).sum() == inputs.size

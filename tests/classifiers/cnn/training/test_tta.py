import pytest
import torch

from classifiers.cnn.training import tta


@pytest.mark.parametrize("name", tta.names())
def test_every_view_keeps_the_shape(name):
    images = torch.randint(0, 256, (2, 1, 32, 32), dtype=torch.uint8)
    views = [view(images) for view in tta.views(name)]
    assert {tuple(view.shape) for view in views} == {(2, 1, 32, 32)}
    assert len(views) == {"none": 1, "hflip": 2, "flips": 4, "dihedral": 8, "tencrop": 10}[name]
    assert len({view.float().sum(dim=(0, 1)).numpy().tobytes() for view in views}) == len(views)

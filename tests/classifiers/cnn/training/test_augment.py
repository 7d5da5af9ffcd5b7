import pytest
import torch

from classifiers.cnn.training import augment


@pytest.mark.parametrize("step", augment.names())
def test_every_augmentation_keeps_shape_and_repeats(step):
    images = torch.randint(0, 256, (6, 1, 24, 24), dtype=torch.uint8)
    first, second = (augment.augment(images, [step], torch.Generator().manual_seed(1)) for _ in range(2))
    assert first.shape == images.shape and first.dtype == torch.float32
    assert torch.equal(first, second) and not torch.equal(first, images.float())

import pytest
import torch

from classifiers.cnn.training import augment


@pytest.mark.parametrize("step", augment.names())
def test_every_augmentation_keeps_shape_and_repeats(step):
    images = torch.randint(0, 256, (6, 1, 24, 24), dtype=torch.uint8)
    first, second = (augment.augment(images, [step], torch.Generator().manual_seed(1)) for _ in range(2))
    assert first.shape == images.shape and first.dtype == torch.float32
    assert torch.equal(first, second) and not torch.equal(first, images.float())


@pytest.mark.parametrize(("height", "width"), [(24, 24), (16, 40), (1, 1)])
def test_cutout_replaces_one_rectangle_of_at_most_half_the_sides_by_the_mean(height, width):
    images = 1000.0 + torch.arange(8.0 * 3 * height * width).reshape(8, 3, height, width)
    cut = augment.augment(images, ["cutout"], torch.Generator().manual_seed(1))
    means = images.mean(dim=(2, 3), keepdim=True)
    changed = cut != images
    assert torch.equal(cut, torch.where(changed, means, images))
    areas = set()
    for mask in changed.any(dim=1):
        rows, columns = mask.any(dim=1).sum().item(), mask.any(dim=0).sum().item()
        assert mask.sum() == rows * columns
        assert rows <= max(height // 2, 1) and columns <= max(width // 2, 1)
        areas.add(rows * columns)
    # The border cuts some rectangles, not all.
    assert max(areas) == (height // 2) * (width // 2) and (min(areas) < max(areas) or height == 1)

"""Augmentation of a batch of images together with their boxes, reproducible by a seed."""

from __future__ import annotations

import torch
from torch.nn import functional

from classifiers.cnn.training import augment as pixels

#: Largest shift, as a share of half the side, and largest change of the scale.
SHIFT, ZOOM = 0.08, 0.1
#: A box of which less is left inside the image is dropped.
LEFT = 0.3
_STEPS = ("brightness", "contrast")


def augment(
    images: torch.Tensor, boxes: list[torch.Tensor], generator: torch.Generator, *, flips: bool = True
) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
    """Mirror, move, scale and recolour every image of a batch, each with random parameters of its own.

    Parameters
    ----------
    images : tensor, shape (n, channels, height, width)
        Values of 0 to 255.
    boxes : list of n float tensors, shape (k, 4)
    generator : Generator
        Generator on the CPU.
    flips : bool
        Whether images are mirrored in both directions.

    Returns
    -------
    images : float32 tensor of the same shape
    boxes : list of float tensors, shape (l, 4)
        The boxes of which enough is left, clipped to the image.
    kept : list of bool tensors, shape (k,)
        Which boxes they are.
    """
    n, height, width = len(images), *images.shape[2:]
    sign = torch.ones(n, 2)
    if flips:
        sign -= 2 * (torch.rand(n, 2, generator=generator) < 0.5).float()
    zoom = sign * (1 + ZOOM * (2 * torch.rand(n, 1, generator=generator) - 1))
    shift = SHIFT * (2 * torch.rand(n, 2, generator=generator) - 1)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = zoom[:, 0], zoom[:, 1], shift
    grid = functional.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    moved = functional.grid_sample(images.float(), grid, align_corners=False, padding_mode="reflection")
    half = torch.tensor([width, height]) / 2
    found, kept = [], []
    for row, own in enumerate(boxes):
        # `theta` says for each place of the result where it comes from, in units of half the image.
        points = ((own.reshape(-1, 2, 2) / half - 1) - shift[row]) / zoom[row]
        points = (points + 1) * half
        low, high = points.min(dim=1).values, points.max(dim=1).values
        area = (high - low).prod(dim=1)
        low, high = low.clamp(min=0).minimum(2 * half), high.clamp(min=0).minimum(2 * half)
        stays = ((high - low).prod(dim=1) >= LEFT * area) & ((high - low).min(dim=1).values >= 1)
        found.append(torch.cat([low, high], dim=1)[stays])
        kept.append(stays)
    return pixels.augment(moved, list(_STEPS), generator), found, kept

"""Augmentation of whole batches on the device, reproducible by a seed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn import functional

from features.errors import InputError

Step = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


@dataclass(frozen=True)
class _Entry:
    """One augmentation: what it does to images, and to masks of regions in them (None: nothing)."""

    images: Step
    masks: Step | None = None


def names() -> list[str]:
    """Return the names that `augment` takes."""
    return list(_STEPS)


def parse(steps: str) -> list[str]:
    """Split a comma-separated list of augmentations; `none` and an empty text give none."""
    chosen = [name.strip() for name in steps.split(",") if name.strip() not in ("", "none")]
    unknown = [name for name in chosen if name not in _STEPS]
    if unknown:
        raise InputError(f"no augmentation {unknown[0]!r}; there are: {', '.join(_STEPS)}, none")
    return chosen


def augment(images: torch.Tensor, steps: list[str], generator: torch.Generator) -> torch.Tensor:
    """Augment every image of a batch with random parameters of its own.

    Parameters
    ----------
    images : tensor, shape (n, channels, height, width)
        Values of 0 to 255.
    steps : list of str
        Names from `names()`, applied in this order.
    generator : Generator
        Generator on the CPU, so that all devices apply the same augmentation.

    Returns
    -------
    float32 tensor of the same shape
    """
    images = images.float()
    for name in steps:
        images = _STEPS[name].images(images, generator)
    return images


def augment_with_masks(
    images: torch.Tensor, masks: torch.Tensor, steps: list[str], generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Augment every image of a batch, and move masks along with it.

    Parameters
    ----------
    images : tensor, shape (n, channels, height, width)
        Values of 0 to 255.
    masks : tensor, shape (n, 1, height, width)
        Share of each pixel that lies in a region, in any scale.
    steps : list of str
    generator : Generator
        As for `augment`.

    Returns
    -------
    images : float32 tensor
        The same as `augment` returns.
    masks : float32 tensor, shape (n, 1, height, width)
        Where the regions are in the augmented images. What `cutout` covers is in no region.
    """
    images, masks = images.float(), masks.float()
    for name in steps:
        entry = _STEPS[name]
        if entry.masks is not None:
            # The random numbers that the images get next.
            same = torch.Generator().set_state(generator.get_state())
            masks = entry.masks(masks, same)
        images = entry.images(images, generator)
    return images, masks


def _where(images: torch.Tensor, changed: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    chosen = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(chosen.to(images.device)[:, None, None, None], changed, images)


def _uniform(n: int, reach: float, generator: torch.Generator) -> torch.Tensor:
    return (torch.rand(n, generator=generator) * 2 - 1) * reach


def _flip_horizontal(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return _where(images, images.flip(3), generator)


def _flip_vertical(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return _where(images, images.flip(2), generator)


def _quarter_turns(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    # With both flips, a transposition gives all eight symmetries of the square.
    if images.shape[2] != images.shape[3]:
        return images
    return _where(images, images.transpose(2, 3), generator)


def _move(
    images: torch.Tensor, generator: torch.Generator, degrees: float, shift: float, scale: float
) -> torch.Tensor:
    n = len(images)
    angle = _uniform(n, math.radians(degrees), generator)
    zoom = 1 + _uniform(n, scale, generator)
    rows = [
        torch.stack([zoom * angle.cos(), -zoom * angle.sin(), _uniform(n, shift, generator)], 1),
        torch.stack([zoom * angle.sin(), zoom * angle.cos(), _uniform(n, shift, generator)], 1),
    ]
    grid = functional.affine_grid(
        torch.stack(rows, 1).to(images.device), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, grid, align_corners=False, padding_mode="reflection")


def _rotate(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return _move(images, generator, degrees=10, shift=0, scale=0)


def _affine(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return _move(images, generator, degrees=3, shift=0.06, scale=0.06)


def _brightness(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    shift = _uniform(len(images), 25.5, generator).to(images.device)
    return images + shift[:, None, None, None]


def _contrast(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    factor = (1 + _uniform(len(images), 0.2, generator)).to(images.device)[:, None, None, None]
    return images * factor


def _cutout(images: torch.Tensor, generator: torch.Generator, fill: float | None = None) -> torch.Tensor:
    """Replace a rectangle of half the height and half the width by a value, by default the image's mean.

    Its center is anywhere in the image, so the border may cut it.

    References
    ----------
    DeVries and Taylor, Improved regularization of convolutional neural networks with cutout, 2017.
    """
    n, _, height, width = images.shape
    covered = []
    for side in (height, width):
        half = max(side // 2, 1)
        start = torch.randint(0, side, (n, 1), generator=generator) - half // 2
        places = torch.arange(side)
        covered.append((places >= start) & (places < start + half))
    mask = (covered[0][:, :, None] & covered[1][:, None, :])[:, None].to(images.device)
    value = images.mean(dim=(2, 3), keepdim=True) if fill is None else torch.full_like(images[:1], fill)
    return torch.where(mask, value, images)


_STEPS: dict[str, _Entry] = {
    "hflip": _Entry(_flip_horizontal, _flip_horizontal),
    "vflip": _Entry(_flip_vertical, _flip_vertical),
    "turns": _Entry(_quarter_turns, _quarter_turns),
    "rotate": _Entry(_rotate, _rotate),
    "affine": _Entry(_affine, _affine),
    "brightness": _Entry(_brightness),
    "contrast": _Entry(_contrast),
    "cutout": _Entry(_cutout, partial(_cutout, fill=0.0)),
}

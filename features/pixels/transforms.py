"""From decoded pixels to the tensor that a network takes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from features.files import content_hash
from features.pixels.sizes import height_and_width

if TYPE_CHECKING:
    import torch

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Transform:
    """What is done to an image before a network sees it.

    The whole image is resized to a square, because a centre crop, the habit for ImageNet, would cut
    off defects at the edge of a part.

    Parameters
    ----------
    size : int or (int, int)
        Side of the square, or height and width, pixels.
    preprocess : str
        Name of a preprocessing of `features.pixels.preprocess`, done on the decoded pixels.
    mean, std : tuple of three floats
        Normalisation of the red, green and blue channels, on the scale 0 to 1.
    """

    size: int | tuple[int, int] = 224
    preprocess: str = "none"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    @property
    def key(self) -> str:
        """Hash that changes when anything in the transform does."""
        return content_hash(json.dumps(asdict(self), sort_keys=True).encode())


def resize_batch(images: torch.Tensor, size: int | tuple[int, int]) -> torch.Tensor:
    """Resize uint8 images by antialiased bilinear interpolation.

    Parameters
    ----------
    images : uint8 tensor, shape (n, channels, height, width)
        On any device.
    size : int or (int, int)
        Side of a square, or height and width, pixels.

    Returns
    -------
    uint8 tensor, shape (n, channels, *size)
        The CPU has a kernel for uint8. Other devices interpolate in float32 and round, so that a pixel
        differs by one grey level at most between devices.
    """
    import torch

    height, width = height_and_width(size)
    if images.shape[-2:] == (height, width):
        return images
    if images.device.type != "cpu":
        return _interpolate(images.float(), (height, width)).round_().to(torch.uint8)
    return _interpolate(images, (height, width))


def _interpolate(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    from torch.nn import functional

    return functional.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)


def normalise(images: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    """Scale images of 0 to 255 to zero mean and unit deviation.

    Parameters
    ----------
    images : tensor, shape (n, channels, height, width)
        One or three channels, uint8 or float.
    mean, std : tuple of floats
        One value a channel of the result; grey images are expanded to as many channels.

    Returns
    -------
    float32 tensor, shape (n, len(mean), height, width)
    """
    import torch

    scale = torch.tensor([1 / (255 * s) for s in std], device=images.device).view(1, -1, 1, 1)
    shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=images.device).view(
        1, -1, 1, 1
    )
    return images.float() * scale + shift

"""Test-time augmentation: the views of an image over which predictions are averaged."""

from collections.abc import Callable

import torch
from torch.nn import functional

from features.errors import InputError

View = Callable[[torch.Tensor], torch.Tensor]


def names() -> list[str]:
    """Return the names that `tta` takes."""
    return list(_VIEWS)


def views(name: str) -> list[View]:
    """Return the views, functions of a batch (n, channels, height, width).

    `flips` takes the image, its two mirror images and the image turned by 180 degrees, `dihedral` these
    four and their transposes.

    `tencrop` takes the four corners and the centre at 7/8 of the side, enlarged to the full size, and
    their mirror images.

    References
    ----------
    Krizhevsky et al., ImageNet classification with deep convolutional neural networks, NIPS 2012.
    """
    if name not in _VIEWS:
        raise InputError(f"tta {name!r}: choose one of {', '.join(_VIEWS)}")
    return _VIEWS[name]


def _same(images: torch.Tensor) -> torch.Tensor:
    return images


def _mirror(images: torch.Tensor) -> torch.Tensor:
    return images.flip(3)


def _turned(view: View) -> View:
    return lambda images: view(images.transpose(2, 3))


def _crop(top: float, left: float, mirror: bool) -> View:
    def view(images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[-2:]
        h, w = height * 7 // 8, width * 7 // 8
        y, x = round((height - h) * top), round((width - w) * left)
        crop = images[..., y : y + h, x : x + w].float()
        crop = functional.interpolate(crop, (height, width), mode="bilinear", align_corners=False)
        return crop.flip(3) if mirror else crop

    return view


_FLIPS: list[View] = [
    _same,
    _mirror,
    lambda images: images.flip(2),
    lambda images: images.flip(2, 3),
]
_PLACES = [(0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5)]

_VIEWS: dict[str, list[View]] = {
    "none": [_same],
    "hflip": [_same, _mirror],
    "flips": _FLIPS,
    "dihedral": [*_FLIPS, *(_turned(view) for view in _FLIPS)],
    "tencrop": [_crop(*place, mirror) for place in _PLACES for mirror in (False, True)],
}

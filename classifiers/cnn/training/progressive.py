"""Progressive resizing: the first epochs see smaller images."""

import torch

from classifiers.cnn.modules import BodyAndHead
from features.errors import InputError

#: Share of the epochs after which images have their full size.
GROWTH = 0.75
_STEP = 16


def image_sizes(size: tuple[int, int], first: float, epochs: int) -> list[tuple[int, int]]:
    """Return the size of the training images of each epoch.

    Sizes grow linearly over the first three quarters of the epochs, in steps of 16 pixels.

    Parameters
    ----------
    size : (int, int)
        Full height and width, pixels.
    first : float
        Height and width in the first epoch, as a share of the full ones; 1 keeps the size.
    epochs : int
        Epochs of the schedule.

    Returns
    -------
    list of (int, int)
        Height and width per epoch; never larger than `size`.

    Raises
    ------
    InputError
        If `first` is not in (0, 1].

    References
    ----------
    Tan and Le, EfficientNetV2: smaller models and faster training, ICML 2021 (progressive learning).
    Touvron et al., Fixing the train-test resolution discrepancy, NeurIPS 2019.

    Examples
    --------
    >>> image_sizes((128, 128), 0.5, 4)
    [(64, 64), (80, 80), (112, 112), (128, 128)]
    """
    if not 0 < first <= 1:
        raise InputError(f"first_size {first!r}: give a share of the image size, more than 0 and at most 1")
    growing = max(GROWTH * epochs, 1)
    shares = [first + (1 - first) * min(epoch / growing, 1.0) for epoch in range(epochs)]
    return [(_scaled(size[0], share), _scaled(size[1], share)) for share in shares]


def relative_cost(size: tuple[int, int], first: float, epochs: int) -> float:
    """Return the pixels of all epochs as a share of those at full size.

    Examples
    --------
    >>> relative_cost((128, 128), 1, 4)
    1.0
    """
    sizes = image_sizes(size, first, epochs)
    return sum(height * width for height, width in sizes) / (len(sizes) * size[0] * size[1])


def check_takes(module: BodyAndHead, size: tuple[int, int], channels: int) -> None:
    """Check that a network takes images of another size than its own.

    Raises
    ------
    InputError
        If its dense layers fit one image size only.
    """
    try:
        with torch.no_grad():
            module.eval()(torch.zeros(1, channels, *size, dtype=torch.uint8))
    except RuntimeError as error:
        raise InputError(
            f"first_size: the network takes images of one size only, not {size[0]} x {size[1]} pixels; "
            "set first_size = 1"
        ) from error


def _scaled(side: int, share: float) -> int:
    return side if share == 1 else min(side, max(_STEP, int(side * share / _STEP) * _STEP))

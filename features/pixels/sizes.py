"""Sizes of images."""


def height_and_width(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) of a size in pixels; a number is the side of a square.

    Examples
    --------
    >>> height_and_width(224)
    (224, 224)
    >>> height_and_width((267, 275))
    (267, 275)
    """
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))

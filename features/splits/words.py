"""Numbers in messages."""


def counted(number: int, noun: str, verb: str = "") -> str:
    """Return a number with its noun, and with `is` or `are` where `verb` is given.

    Examples
    --------
    >>> counted(1, "image"), counted(2, "image", "is")
    ('1 image', '2 images are')
    """
    words = f"{number} {noun}" if number == 1 else f"{number} {noun}s"
    return f"{words} {'is' if number == 1 else 'are'}" if verb else words

"""Cut many rows into chunks of a bounded size."""


def chunks(n: int, size: int) -> list[slice]:
    """Return the slices that cut `n` rows into chunks of `size`; the last may be shorter."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]

"""Sets of equal images."""

import pandas as pd

from results.checks.base.data import RunData


def sets_of_copies(data: RunData) -> list[pd.DataFrame]:
    """Return the images of each set of equal images, in the order of their first images.

    Files of equal bytes are equal. Under the stratified and the official split, so are the images of one
    `cluster`, which then holds images of equal pixels.
    """
    images = data.images
    columns = ["content"] + (["cluster"] if data.split_kind != "group" else [])
    found: dict[tuple[int, ...], pd.DataFrame] = {}
    for column in columns:
        if column not in images:
            continue
        known = images[images[column].notna() & (images[column] != "")]
        repeated = known[known[column].duplicated(keep=False)]
        for _, part in repeated.groupby(column, sort=False, observed=True):
            found.setdefault(tuple(part.index), part)
    return list(found.values())

"""Where the defects of a run's images are: regions from boxes and masks."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from features.datasets.boxes import CORNERS, SEPARATOR, mend_boxes
from features.errors import UnreadableImage
from features.pixels.images import read_image
from features.pixels.preprocess import get_preprocess
from features.pixels.transforms import resize_batch

COLUMNS = ["image_id", "source", *CORNERS, "height", "width", "runs"]

GOOD = "good images"
DEFECTIVE = "defective images"
WITH = "defective images with a box or a mask"
WITHOUT = "defective images without a usable box or mask"
ON_GOOD = "good images with a box or a mask, not used"
BOTH = "images with boxes and a mask, the mask is used"
EMPTY, UNREADABLE, RESIZED = "empty masks", "masks that cannot be read", "masks of another size, resized"


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of defects.

    Parameters
    ----------
    table : DataFrame
        One row per region: `image_id`; `source` (`box` or `mask`); `x1, y1, x2, y2` (float pixels of the
        image, inclusive; for a mask the box around its connected component); `height`, `width` (of the
        image); `runs` (list of int: start and length of each run of pixels of the component in the flattened
        image; empty for a box, whose region is all of it).
    counts : dict of str to int
        How many images or boxes were of which kind, those without a region among them.
    """

    table: pd.DataFrame
    counts: dict[str, int]


def has_regions(images: pd.DataFrame) -> bool:
    """Return whether any image of a table has a box or a mask."""
    boxed = images[CORNERS].notna().all(axis=1).any() if set(CORNERS) <= set(images) else False
    listed = images["boxes"].fillna("").ne("").any() if "boxes" in images else False
    return bool(boxed or listed or ("mask" in images and images["mask"].notna().any()))


def defect_regions(images: pd.DataFrame) -> Regions:
    """Return the regions of the defective images, and what was not usable.

    Parameters
    ----------
    images : DataFrame
        One row per image: `image_id`, `y` (1: defective), `height`, `width` (pixels). Optional: `x1, y1,
        x2, y2` (one box), `boxes` (several, `x1 y1 x2 y2` separated by semicolons, in place of the one) and
        `mask` (path of a binary image, or None).

    Returns
    -------
    Regions
        Corners are put in order and boxes are clipped to the image; boxes outside the image and without area
        give no region. A mask of another size is resized to the image; an empty one, or one that cannot be
        read, gives no region. Boxes and masks of good images are counted and not used.
    """
    counts = Counter({GOOD: int((images["y"] == 0).sum()), DEFECTIVE: int((images["y"] == 1).sum())})
    boxes = _boxes_of(images)
    masked = images["mask"].notna() if "mask" in images else pd.Series(False, index=images.index)
    boxed = images["image_id"].isin(boxes["image_id"])
    counts[ON_GOOD] = int(((images["y"] == 0) & (masked | boxed)).sum())
    counts[BOTH] = int(((images["y"] == 1) & masked & boxed).sum())
    rows: list[dict[str, object]] = []
    with_mask: set[str] = set()
    for image in images[masked & (images["y"] == 1)].to_dict("records"):
        found = _of_mask(image, counts)
        rows += found
        with_mask |= {image["image_id"]} if found else set()
    wanted = images[(images["y"] == 1) & ~images["image_id"].isin(with_mask)]
    for height, width in wanted[["height", "width"]].drop_duplicates().to_numpy(int).tolist():
        part = wanted[(wanted["height"] == height) & (wanted["width"] == width)]
        own = boxes[boxes["image_id"].isin(part["image_id"])]
        if own.empty:
            continue
        mended = mend_boxes(own, width=width, height=height)
        counts.update({f"boxes {what}": count for what, count in mended.repairs.items()})
        kept = mended.table.dropna(subset=CORNERS)
        rows += [
            {
                "image_id": name,
                "source": "box",
                **dict(zip(CORNERS, corners, strict=True)),
                "height": height,
                "width": width,
                "runs": [],
            }
            for name, corners in zip(kept["image_id"], kept[CORNERS].to_numpy(float).tolist(), strict=True)
        ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    counts[WITH] = table["image_id"].nunique()
    counts[WITHOUT] = counts[DEFECTIVE] - counts[WITH]
    order = {name: row for row, name in enumerate(images["image_id"])}
    table = table.sort_values("image_id", key=lambda names: names.map(order), kind="stable")
    return Regions(table.reset_index(drop=True), dict(counts))


def region_masks(
    regions: pd.DataFrame, image_ids: Sequence[str], size: tuple[int, int], preprocess: str = "none"
) -> np.ndarray:
    """Draw the regions of images in the pixels that a network sees.

    Parameters
    ----------
    regions : DataFrame
        As `Regions.table`, in pixels of the whole images.
    image_ids : sequence of str
        The images, in the order of the result.
    size : (int, int)
        Height and width that the images are resized to, pixels.
    preprocess : str
        Name of the preprocessing that the images get before; its crop moves and cuts the regions.

    Returns
    -------
    uint8 array, shape (n, height, width)
        Share of each pixel that lies in a region, 0 to 255. All 0 for an image without a region, and for one
        whose regions the crop removes.

    Examples
    --------
    >>> box = {"image_id": "a", "source": "box", "x1": 4, "y1": 0, "x2": 7, "y2": 1, "height": 2, "width": 8,
    ...        "runs": []}
    >>> region_masks(pd.DataFrame([box]), ["b", "a"], (1, 2))[:, 0].tolist()
    [[0, 0], [0, 255]]
    """
    import torch

    masks = np.zeros((len(image_ids), *size), np.uint8)
    place = {name: row for row, name in enumerate(image_ids)}
    window = get_preprocess(preprocess).checked_window
    for name, own in regions[regions["image_id"].isin(place)].groupby("image_id"):
        pixels = np.logical_or.reduce([_pixels(row) for row in own.to_dict("records")])
        x1, y1, x2, y2 = window(*pixels.shape)
        kept = torch.from_numpy(pixels[y1:y2, x1:x2].astype(np.uint8) * np.uint8(255))
        masks[place[str(name)]] = resize_batch(kept[None, None], size)[0, 0].numpy()
    return masks


def _pixels(row: dict[Hashable, Any]) -> np.ndarray:
    """Return the pixels of one region, bool array of the size of its image."""
    pixels = np.zeros((int(row["height"]), int(row["width"])), bool)
    runs = np.asarray(row["runs"], np.int64).reshape(-1, 2)
    if len(runs):
        flat = pixels.reshape(-1)
        for start, length in runs:
            flat[start : start + length] = True
        return pixels
    x1, y1, x2, y2 = (float(row[corner]) for corner in CORNERS)
    pixels[int(np.floor(y1)) : int(np.ceil(y2)) + 1, int(np.floor(x1)) : int(np.ceil(x2)) + 1] = True
    return pixels


def _boxes_of(images: pd.DataFrame) -> pd.DataFrame:
    """Return one row per box that a table of images holds, as it stands there."""
    rows = []
    listed = images["boxes"].fillna("") if "boxes" in images else pd.Series("", index=images.index)
    single = set(CORNERS) <= set(images)
    for name, text, corners in zip(
        images["image_id"],
        listed,
        images[CORNERS].to_numpy(float) if single else np.full((len(images), 4), np.nan),
        strict=True,
    ):
        if text:
            rows += [(name, "", *_corners(part)) for part in str(text).split(SEPARATOR)]
        elif not np.isnan(corners).all():
            rows.append((name, "", *corners))
    return pd.DataFrame(rows, columns=["image_id", "defect_class", *CORNERS])


def _corners(text: str) -> tuple[float, ...]:
    values = pd.to_numeric(pd.Series(text.split()), errors="coerce").to_numpy(float)
    return tuple(values) if len(values) == 4 else (np.nan,) * 4


def _of_mask(image: dict[Hashable, Any], counts: Counter[str]) -> list[dict[str, object]]:
    """Return a row for each connected component of an image's mask."""
    height, width = int(image["height"]), int(image["width"])
    try:
        pixels = read_image(image["mask"])
    except UnreadableImage:
        counts[UNREADABLE] += 1
        return []
    grey = pixels.max(axis=2) if pixels.ndim == 3 else pixels
    # Masks are 0 and 255, or 0 and 1, or nearly so where they are stored as JPEG.
    mask = grey > grey.max() / 2
    if mask.shape != (height, width):
        counts[RESIZED] += 1
        mask = mask[_nearest(height, mask.shape[0])][:, _nearest(width, mask.shape[1])]
    labels, number = ndimage.label(mask, structure=np.ones((3, 3)))
    if number == 0:
        counts[EMPTY] += 1
    rows = []
    for label in range(1, number + 1):
        y, x = np.nonzero(labels == label)
        rows.append(
            {
                "image_id": image["image_id"],
                "source": "mask",
                **{"x1": float(x.min()), "y1": float(y.min()), "x2": float(x.max()), "y2": float(y.max())},
                "height": height,
                "width": width,
                "runs": _runs(labels.ravel() == label),
            }
        )
    return rows


def _nearest(size: int, before: int) -> np.ndarray:
    return ((np.arange(size) + 0.5) * before / size).astype(int)


def _runs(flat: np.ndarray) -> list[int]:
    """Return start and length of each run of True, alternating."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    return np.stack([starts, ends - starts], axis=1).ravel().tolist()

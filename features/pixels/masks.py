"""Masks beside photographs: binary images that mark where a defect is, and are no photographs."""

import re
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from features.errors import UnreadableImage
from features.pixels.images import read_image
from features.pixels.listing import Files, is_image_name, nfc

# Every binary image in a folder of these names is a mask; in the others, one that has its photograph.
_MASK_FOLDERS = frozenset({"mask", "masks", "groundtruth", "groundtruths", "gt"})
_LABEL_FOLDERS = frozenset(
    {"label", "labels", "annotation", "annotations", "segmentation", "segmentations", "seg", "gts"}
)
_MARK = re.compile(r"^(mask|gt)[ _-]+|[ _.-]+(masks?|gt|labels?|seg|segmentation|ground[ _-]?truth)$")

# An image stored as JPEG, or drawn with soft edges, is not exactly of two values.
_NEAR = 0.12
_SHARE_NEAR = 0.95
_CONTRAST = 64
_GREY = 24


@dataclass(frozen=True)
class Masks:
    """Which images are masks.

    Parameters
    ----------
    photographs : tuple of str
        The other images, in their order.
    mask_of : dict of str to str
        Photograph to its mask; the first by name where it has several.
    unpaired : tuple of str
        Masks of no photograph that could be found.
    notes : tuple of str
        Lines for the user.
    """

    photographs: tuple[str, ...]
    mask_of: dict[str, str]
    unpaired: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_masks(files: Files, images: Sequence[str]) -> Masks:
    """Tell masks from photographs.

    A mask is a binary image that stands in a folder named `mask`, `masks`, `ground_truth` or `gt`, or
    that pairs with a photograph: of the same name up to the suffix, in the same folder; with `_mask`,
    `_gt`, `_label` or `_seg` added to the name; or in a folder named like `labels` or `annotations`.
    Only images that stand or are named so are decoded. Where both images of a pair are binary, neither
    is a mask; where every image would be one, none is.

    Parameters
    ----------
    files : Files
        Where the images are.
    images : sequence of str
        Paths below its root.

    Returns
    -------
    Masks
    """
    named = {path: _Name.of(path) for path in images}
    beside: dict[tuple[str, str], list[str]] = defaultdict(list)
    by_stem: dict[str, list[str]] = defaultdict(list)
    for path, name in named.items():
        beside[name.folder, name.stem].append(path)
        by_stem[name.stem].append(path)
    rivals = {path: _rivals(path, named, beside, by_stem) for path in images}
    candidates = [path for path in images if named[path].in_mask_folder or rivals[path]]
    if not candidates:
        return Masks(tuple(images), {})
    partners = {rival for path in candidates for rival in rivals[path]}
    degree = _binary_degrees(files, sorted({*candidates, *partners}))
    masks = {
        path
        for path in candidates
        if degree[path]
        and (named[path].in_mask_folder or any(degree[rival] < degree[path] for rival in rivals[path]))
    }
    if not masks or len(masks) == len(images):
        return Masks(tuple(images), {}, notes=_not_binary(candidates, named, masks))
    photographs = tuple(path for path in images if path not in masks)
    mask_of: dict[str, str] = {}
    unpaired = []
    for path in sorted(masks):
        photograph = _photograph_of(named[path], [p for p in by_stem[named[path].bare] if p not in masks])
        if photograph is None:
            unpaired.append(path)
        else:
            mask_of.setdefault(photograph, path)
    notes = [
        f"{len(masks)} binary images are masks, not photographs, and are not embedded "
        f"(first: {min(masks)}); {len(mask_of)} photographs have one"
    ]
    if unpaired:
        notes.append(f"{len(unpaired)} masks belong to no photograph here (first: {unpaired[0]})")
    return Masks(photographs, mask_of, tuple(unpaired), (*notes, *_not_binary(candidates, named, masks)))


def binary_degree(pixels: np.ndarray) -> int:
    """Return 2 for an image of at most two values, 1 for nearly all pixels near two, 0 for others.

    Parameters
    ----------
    pixels : uint8 array, shape (height, width) or (height, width, 3)
    """
    if pixels.ndim == 3:
        packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
        others = packed[packed != packed.flat[0]]
        if others.size == 0 or (others == others[0]).all():
            return 2
        if np.ptp(pixels, axis=2).max() > _GREY:
            return 0
        pixels = pixels[..., 1]
    counts = np.bincount(pixels.ravel(), minlength=256)
    values = np.flatnonzero(counts)
    if len(values) <= 2:
        return 2
    low, high = values[0], values[-1]
    if high - low < _CONTRAST:
        return 0
    margin = int(_NEAR * (high - low))
    near = counts[low : low + margin + 1].sum() + counts[high - margin : high + 1].sum()
    return int(near >= _SHARE_NEAR * counts.sum())


@dataclass(frozen=True)
class _Name:
    """A path taken apart for comparing."""

    folder: str
    stem: str
    bare: str  # the stem of the photograph that a mask of this name would have
    places: tuple[str, ...]  # folders, without those that are named like masks
    in_mask_folder: bool
    in_label_folder: bool

    @classmethod
    def of(cls, path: str) -> "_Name":
        folder, _, name = nfc(path).casefold().rpartition("/")
        stem = name.rpartition(".")[0]
        bare = _MARK.sub("", stem) or stem
        bare = bare.rpartition(".")[0] if is_image_name(bare) else bare
        folders = folder.split("/") if folder else []
        plain = [re.sub(r"[ _-]", "", each) for each in folders]
        kinds = [(each in _MASK_FOLDERS, each in _LABEL_FOLDERS) for each in plain]
        return cls(
            folder=folder,
            stem=stem,
            bare=bare,
            places=tuple(each for each, kind in zip(folders, kinds, strict=True) if not any(kind)),
            in_mask_folder=any(kind[0] for kind in kinds),
            in_label_folder=any(kind[1] for kind in kinds),
        )


def _rivals(
    path: str,
    named: dict[str, _Name],
    beside: dict[tuple[str, str], list[str]],
    by_stem: dict[str, list[str]],
) -> list[str]:
    """Return the images that `path` may be the mask of."""
    name = named[path]
    found = {*beside[name.folder, name.stem]}
    if name.bare != name.stem:
        found.update(beside.get((name.folder, name.bare), ()))
    if name.in_label_folder or name.in_mask_folder:
        found.update(
            other
            for other in by_stem.get(name.bare, ())
            if not (named[other].in_label_folder or named[other].in_mask_folder)
        )
    return sorted(found - {path})


def _photograph_of(mask: _Name, photographs: list[str]) -> str | None:
    scores = {path: _kinship(mask.places, _Name.of(path).places) for path in photographs}
    best = [path for path in photographs if scores[path] == max(scores.values())]
    return best[0] if len(best) == 1 else None


def _kinship(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    """Return how many folders two paths share at their beginning and at their end."""
    shared = [a == b for a, b in zip(first, second, strict=False)]
    ending = [a == b for a, b in zip(reversed(first), reversed(second), strict=False)]
    return sum(_leading(each) for each in (shared, ending))


def _leading(shared: list[bool]) -> int:
    return shared.index(False) if False in shared else len(shared)


def _binary_degrees(files: Files, paths: list[str]) -> dict[str, int]:
    def degree(path: str) -> int:
        try:
            return binary_degree(read_image(files.full(path)))
        except UnreadableImage:
            return 0  # it stays an image, and the scan names it

    with ThreadPoolExecutor() as pool:
        return dict(zip(paths, pool.map(degree, paths), strict=True))


def _not_binary(candidates: list[str], named: dict[str, _Name], masks: set[str]) -> tuple[str, ...]:
    grey = [path for path in candidates if named[path].in_mask_folder and path not in masks]
    if not grey:
        return ()
    return (
        f"{len(grey)} images in folders of masks have more than two values and count as photographs "
        f"(first: {grey[0]}); leave them out with --exclude where they are none",
    )

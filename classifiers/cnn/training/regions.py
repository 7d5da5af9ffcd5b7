"""The regions of the defects in training images, beside the pixels."""

from dataclasses import dataclass

import numpy as np
import torch

from features.chunks import chunks
from features.errors import InputError

_ROWS = 256


@dataclass(frozen=True, eq=False)
class RegionMasks:
    """Masks of the images that have a region; the others take no memory.

    Parameters
    ----------
    place : int array, shape (n,)
        Row of `masks` for each image, -1 for an image without a region.
    masks : uint8 array, shape (m, height, width)
        Share of each pixel that lies in a region, 0 to 255.
    """

    place: np.ndarray
    masks: np.ndarray

    @classmethod
    def of(
        cls, regions: "np.ndarray | RegionMasks", shape: tuple[int, ...], codes: np.ndarray
    ) -> "RegionMasks":
        """Return the masks of the defective images; those of good images (class code 0) are not used.

        Parameters
        ----------
        regions : uint8 or bool array, shape (n, height, width), or RegionMasks
            As `ImageClassifier.fit` takes them.
        shape : tuple of int
            Shape of the array of images.
        codes : int array, shape (n,)
            Class codes.

        Raises
        ------
        InputError
            For regions of another type or shape than the images.
        """
        if isinstance(regions, RegionMasks):
            _check_shape((len(regions.place), *regions.masks.shape[1:]), shape)
            return cls(np.where(codes > 0, regions.place, -1), regions.masks)
        regions = np.asarray(regions)
        if regions.dtype not in (np.uint8, np.bool_):
            raise InputError(f"regions of type {regions.dtype}: give uint8 of 0 to 255, or bool")
        _check_shape(regions.shape, shape)
        place, count = np.full(len(regions), -1), 0
        kept: list[np.ndarray] = []
        for rows in chunks(len(regions), _ROWS):
            part = regions[rows]
            marked = part.any(axis=(1, 2)) & (codes[rows] > 0)
            place[rows][marked] = np.arange(marked.sum()) + count
            count += int(marked.sum())
            kept.append(part[marked].astype(np.uint8))
        masks = np.concatenate(kept)
        # Masks are 0 and 255, or 0 and 1.
        return cls(place, masks * np.uint8(255) if masks.size and masks.max() == 1 else masks)

    def __len__(self) -> int:
        """Return the number of images that have a region."""
        return int((self.place >= 0).sum())

    def rows(self, rows: np.ndarray) -> "RegionMasks":
        """Return the masks of some of the images."""
        return RegionMasks(self.place[rows], self.masks)

    def batch(self, rows: np.ndarray) -> torch.Tensor | None:
        """Return the masks of a batch, uint8 (n, 1, height, width), 0 for images without a region.

        None where no image of the batch has a region.
        """
        place = self.place[rows]
        marked = place >= 0
        if not marked.any():
            return None
        found = np.zeros((len(rows), *self.masks.shape[1:]), np.uint8)
        found[marked] = self.masks[place[marked]]
        return torch.from_numpy(found)[:, None]


def _check_shape(given: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if given != shape[:3]:
        raise InputError(
            f"regions of shape {given} for images of shape {shape}: give one mask (height, width) for each "
            "image, in its pixels"
        )

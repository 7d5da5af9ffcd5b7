"""What is kept of each image to compare it with the others: a hash of its pixels and a thumbnail."""

import numpy as np
from PIL import Image

from features.files import content_hash

#: Side of a thumbnail in pixels.
SIDE = 32
#: How the hash of an image of a single value begins.
FLAT = "flat "


class Fingerprints:
    """Pixel hashes and thumbnails of images, filled while the images are decoded.

    Parameters
    ----------
    count : int
        Number of images.
    thumbnails : bool
        Whether to make thumbnails; copies are found by the hashes alone.

    Attributes
    ----------
    pixels : ndarray of object, shape (count,)
        Hash of the decoded pixels; empty for an image that was not observed. A colour image whose three
        channels are equal has the hash of the grey image.
    thumbnails : ndarray of float32, shape (count, 1024)
        Grey values from 0 to 255 of the image averaged to 32 x 32 pixels; zeros where not observed.

    Examples
    --------
    >>> import numpy as np
    >>> prints = Fingerprints(2)
    >>> prints.observe(0, np.zeros((8, 8), np.uint8))
    >>> prints.observe(1, np.zeros((8, 8, 3), np.uint8))
    >>> bool(prints.pixels[0] == prints.pixels[1])
    True
    """

    def __init__(self, count: int, thumbnails: bool = True):
        self.pixels = np.full(count, "", dtype=object)
        self.thumbnails = np.zeros((count if thumbnails else 0, SIDE * SIDE), np.float32)

    def observe(self, position: int, pixels: np.ndarray) -> None:
        """Take the decoded pixels of one image; `scan_images` calls this for each sound image."""
        self.pixels[position] = pixel_hash(pixels)
        if len(self.thumbnails):
            self.thumbnails[position] = thumbnail(pixels)

    def rows(self, rows: np.ndarray) -> "Fingerprints":
        """Return the fingerprints of some of the images (positions or a mask)."""
        kept = Fingerprints(0)
        kept.pixels = self.pixels[rows]
        kept.thumbnails = self.thumbnails[rows] if len(self.thumbnails) else self.thumbnails
        return kept


def pixel_hash(pixels: np.ndarray) -> str:
    """Return a hash of the decoded pixels (uint8), the same for grey and for colour of equal channels.

    The hash of an image of a single value begins with `FLAT`.
    """
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    shape = np.asarray(pixels.shape, np.int64).tobytes()
    found = content_hash(shape + np.ascontiguousarray(pixels).tobytes())
    return found if pixels.min() != pixels.max() else FLAT + found


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Return the image averaged to 32 x 32 grey values, as a float32 array of shape (1024,)."""
    image = Image.fromarray(pixels).convert("L")
    factor = max(1, min(image.size) // (4 * SIDE))
    small = image.reduce(factor).convert("F").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float32).ravel()

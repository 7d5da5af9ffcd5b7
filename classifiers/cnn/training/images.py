"""Images and classes as the networks take them."""

import numpy as np
from scipy.sparse import issparse
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from classifiers.cnn.training.batches import to_tensor
from classifiers.cnn.training.loop import VALID_BATCH
from features.chunks import chunks
from features.errors import InputError
from features.pixels.transforms import resize_batch


def check_images(X: np.ndarray) -> np.ndarray:
    """Return images as an array that the networks take.

    Parameters
    ----------
    X : uint8 array-like, shape (n, height, width) or (n, height, width, 3)

    Raises
    ------
    InputError
        For another type or shape, for sparse input and for an empty list.
    """
    if issparse(X):
        raise InputError("sparse input is not supported: give dense uint8 images (n, height, width)")
    X = X if isinstance(X, np.ndarray) else np.asarray(X)
    if X.dtype != np.uint8 or X.ndim not in (3, 4) or (X.ndim == 4 and X.shape[3] != 3):
        raise InputError(
            f"images of type {X.dtype} and shape {X.shape}: give uint8 (n, height, width) or "
            "(n, height, width, 3)"
        )
    if len(X) == 0:
        raise InputError("empty image list: give at least one image")
    if 0 in X.shape:
        raise InputError(f"images of shape {X.shape}: the height and the width must be at least 1 pixel")
    return X


def resize_images(X: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Return images (n, height, width[, 3]) resized to (height, width); None keeps their size."""
    if size is None or X.shape[1:3] == size:
        return X
    out = np.empty((len(X), *size, *X.shape[3:]), np.uint8)
    for rows in chunks(len(X), VALID_BATCH):
        images = resize_batch(to_tensor(X[rows]), size)
        out[rows] = images[:, 0] if X.ndim == 3 else images.permute(0, 2, 3, 1)
    return out


def check_labelled(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, LabelEncoder]:
    """Return images, their classes, and the encoder of the classes.

    Parameters
    ----------
    X : uint8 array-like, shape (n, height, width) or (n, height, width, 3)
    y : array-like, shape (n,)

    Raises
    ------
    InputError
        For images of another type or shape, and for a single class.
    """
    X, y = check_images(X), column_or_1d(y, warn=True)
    check_consistent_length(X, y)
    check_classification_targets(y)
    encoder = LabelEncoder().fit(y)
    if len(encoder.classes_) < 2:
        raise InputError(f"one class only, {encoder.classes_[0]!r}: give labels of at least two classes")
    return X, y, encoder


def outputs_for(classes: np.ndarray) -> int:
    """Return the number of outputs of a network: one for two classes, else one per class."""
    return 1 if len(classes) == 2 else len(classes)

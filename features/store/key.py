"""What an embedding depends on, besides the image."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from features.errors import InputError
from features.files import content_hash

#: Collections of before the device was recorded; CPU runs find them.
UNKNOWN_DEVICE = "unknown"


@dataclass(frozen=True)
class EmbeddingKey:
    """Everything that an embedding depends on, besides the image.

    Parameters
    ----------
    backbone : str
        Architecture.
    weights : str
        Name of the weights, for people; `weights_sha256` identifies them.
    weights_sha256 : str
        Hash of the weights.
    dim : int
        Length of an embedding.
    transform : dict
        `Transform` as a dict.
    precision : str
        What the network computes in.
    storage : {"float32", "float16"}
        What is stored.
    versions : dict of str to int
        Major versions of the libraries that the numbers go through.
    device : str
        Type of the device that computes: `cpu`, `cuda` or `mps`, whose results differ by rounding.
        `unknown` in collections written before it was recorded; they are shared with `cpu`.
    """

    backbone: str
    weights: str
    weights_sha256: str
    dim: int
    transform: dict[str, object]
    precision: str = "bfloat16"
    storage: str = "float32"
    versions: dict[str, int] = field(default_factory=dict)
    device: str = UNKNOWN_DEVICE

    @property
    def digest(self) -> str:
        """Hash of the key, the same in every process."""
        values = self.as_dict()
        # The hash of before the device was recorded: collections written then stay valid.
        if self.device in (UNKNOWN_DEVICE, "cpu"):
            del values["device"]
        return content_hash(json.dumps(values, sort_keys=True).encode())

    @property
    def folder(self) -> str:
        """Name of the key's folder: readable, and unique by its hash."""
        words = f"{self.backbone}-{self.weights}-{self.transform.get('size')}"
        return f"{''.join(c if c.isalnum() or c in '-_.' else '_' for c in words)}-{self.digest[:16]}"

    def as_dict(self) -> dict[str, object]:
        """Return the key as plain JSON values."""
        return json.loads(json.dumps(asdict(self)))


def as_stored(embeddings: np.ndarray, key: EmbeddingKey, names: Sequence[str]) -> np.ndarray:
    """Convert embeddings to the storage type of a key.

    Parameters
    ----------
    embeddings : array, shape (n, dim)
    key : EmbeddingKey
    names : sequence of str
        What messages call the images.

    Returns
    -------
    array of the storage type, shape (n, dim)

    Raises
    ------
    InputError
        When a value is not finite, or is beyond the storage type.
    """
    with np.errstate(over="ignore"):
        matrix = np.ascontiguousarray(embeddings, dtype=key.storage)
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=-1))
    if not len(bad):
        return matrix
    worst = np.asarray(embeddings)[bad[0]]
    where = f"embedding of {names[bad[0]]} ({len(bad)} of {len(matrix)} images)"
    if np.isfinite(worst).all():
        raise InputError(
            f"{where}: value {np.abs(worst).max():.6g} is beyond {key.storage}; store float32 "
            '(storage = "float32" in the configuration)'
        )
    advice = "check these weights"
    if key.precision == "float16":
        advice += ", or compute with precision bfloat16 or float32"
    raise InputError(
        f"{where}: NaN or infinite values from {key.backbone} with weights {key.weights}; {advice}"
    )

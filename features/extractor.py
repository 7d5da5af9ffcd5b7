"""Images to embeddings: a scikit-learn transformer around a network without its head."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin

from features.backbones import Backbone, load_backbone
from features.errors import InputError
from features.network import grey_network, rgb_network
from features.pipeline import decode_batches
from features.transforms import Transform, resize_batch

PRECISIONS = ("bfloat16", "float16", "float32")


@dataclass(frozen=True)
class EmbeddedBatch:
    """Embeddings as they come out of the network.

    Parameters
    ----------
    rows : int array, shape (n,)
        Which rows of the input these are.
    contents : list of str
        Content hash of each.
    embeddings : float32 array, shape (n, dim)
    problems : list of (int, str)
        Rows of this batch that have none, each with the reason.
    seconds : float
        What resizing, the forward pass and the copies to and from the device took.
    """

    rows: np.ndarray
    contents: list[str]
    embeddings: np.ndarray
    problems: list[tuple[int, str]]
    seconds: float


class Extractor(TransformerMixin, BaseEstimator):
    """Embed images with a network's penultimate layer.

    Parameters
    ----------
    backbone : str or Backbone
        A name of `features.backbones`, or a network of your own.
    weights : str
        `imagenet`, `random` or the path of a state dict; not used when `backbone` is a `Backbone`.
    size : int or (int, int)
        Images are resized to a square of this side, or to height and width, pixels.
    preprocess : str
        A name of `features.preprocess`.
    precision : {"bfloat16", "float16", "float32"}
        What the network computes in; the result is float32.
    device : str
        `auto` takes CUDA, else MPS, else the CPU.
    batch_size : int
        Images a forward pass.
    workers : int, optional
        Decoding processes; by default half the cores, at most 8.
    seed : int
        For random weights.

    Attributes
    ----------
    backbone_ : Backbone
        The network in use.

    Notes
    -----
    The transformer has nothing to fit; `fit` only loads the network, so that the cost shows there.
    """

    def __init__(
        self,
        backbone: str | Backbone = "resnet18",
        weights: str = "imagenet",
        *,
        size: int | tuple[int, int] = 224,
        preprocess: str = "none",
        precision: str = "bfloat16",
        device: str = "auto",
        batch_size: int = 64,
        workers: int | None = None,
        seed: int = 0,
    ):
        self.backbone = backbone
        self.weights = weights
        self.size = size
        self.preprocess = preprocess
        self.precision = precision
        self.device = device
        self.batch_size = batch_size
        self.workers = workers
        self.seed = seed

    @property
    def transform_spec(self) -> Transform:
        """The `Transform` that images go through, part of the embedding key."""
        backbone = self.load()
        return Transform(self.size, self.preprocess, backbone.mean, backbone.std)

    def load(self) -> Backbone:
        """Load the network once and return it."""
        if not hasattr(self, "backbone_"):
            self.backbone_ = (
                self.backbone
                if isinstance(self.backbone, Backbone)
                else load_backbone(self.backbone, self.weights, seed=self.seed)
            )
        return self.backbone_

    def fit(self, X: Sequence[str] | np.ndarray, y: object = None) -> "Extractor":
        """Load the network; nothing is learnt from `X`."""
        self.load()
        return self

    def transform(self, X: Sequence[str] | np.ndarray) -> np.ndarray:
        """Embed images.

        Parameters
        ----------
        X : sequence of str, or uint8 array of shape (n, height, width[, 3])
            Files, or pixels.

        Returns
        -------
        float32 array, shape (n, dim)

        Raises
        ------
        InputError
            When `X` is empty or some of its images cannot be decoded; every one is named.
        """
        embeddings = np.empty((len(X), self.load().dim), np.float32)
        problems: list[tuple[int, str]] = []
        for batch in self.batches(X):
            embeddings[batch.rows] = batch.embeddings
            problems += batch.problems
        raise_problems(problems, X)
        return embeddings

    def batches(
        self, X: Sequence[str] | np.ndarray, progress: Callable[[int], None] | None = None
    ) -> Iterator[EmbeddedBatch]:
        """Embed images a batch at a time; see `transform`. Problems are yielded, not raised.

        `progress` is called with the number of images done so far.
        """
        if len(X) == 0:
            raise InputError("empty image list: nothing to embed")
        if self.precision not in PRECISIONS:
            raise InputError(f"precision {self.precision!r}: choose one of {', '.join(PRECISIONS)}")
        device = choose_device(self.device)
        forward = _Forward(self.load(), self.size, device, self.precision)
        done = 0
        for batch in decode_batches(
            X,
            preprocess=self.preprocess,
            batch_size=self.batch_size,
            workers=default_workers() if self.workers is None else self.workers,
            pin=device.type == "cuda",
        ):
            rows: list[int] = []
            parts = [np.empty((0, self.load().dim), np.float32)]
            started = time.perf_counter()
            for stack_rows, pixels in batch.stacks:
                rows += stack_rows
                parts.append(forward(pixels))
            seconds = time.perf_counter() - started
            yield EmbeddedBatch(
                np.array(rows, dtype=np.int64),
                [batch.contents[row] for row in rows],
                np.concatenate(parts),
                batch.problems,
                seconds,
            )
            done += len(rows) + len(batch.problems)
            if progress is not None:
                progress(done)

    def __sklearn_tags__(self):  # type: ignore[no-untyped-def]
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


class _Forward:
    """uint8 pixels on the CPU to float32 embeddings on the CPU, through a device."""

    def __init__(
        self,
        backbone: Backbone,
        size: int | tuple[int, int],
        device: torch.device,
        precision: str,
    ):
        self.backbone, self.size, self.device = backbone, size, device
        self.dtype = getattr(torch, precision)
        self.networks: dict[int, torch.nn.Module] = {}

    @torch.inference_mode()
    def __call__(self, pixels: torch.Tensor) -> np.ndarray:
        pixels = resize_batch(pixels.to(self.device, non_blocking=True), self.size)
        network = self._network(pixels.shape[1])
        with autocast(self.device, self.dtype):
            return network(pixels).float().cpu().numpy()

    def _network(self, channels: int) -> torch.nn.Module:
        if channels not in self.networks:
            make = grey_network if channels == 1 else rgb_network
            network = make(self.backbone).to(self.device)
            self.networks[channels] = network.to(memory_format=torch.channels_last)
        return self.networks[channels]


def raise_problems(problems: list[tuple[int, str]], images: Sequence[str] | np.ndarray) -> None:
    """Raise one `InputError` that names every image that could not be embedded, if there are any."""
    if problems:
        named = [
            f"{images[row] if not isinstance(images, np.ndarray) else f'image {row}'} ({reason})"
            for row, reason in problems
        ]
        raise InputError(f"{len(named)} of {len(images)} images unreadable: {'; '.join(named)}")


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; `auto` takes CUDA, else MPS, else the CPU."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device {name!r}: choose auto, cpu, cuda or mps") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device {name!r}: this torch sees no CUDA GPU; use --device cpu")
    return device


def autocast(device: torch.device, dtype: torch.dtype):  # type: ignore[no-untyped-def]
    """Return the autocast context of a precision; float32 needs none."""
    if dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)


def default_workers() -> int:
    """Return how many decoding processes to use when the caller does not say."""
    return max(1, min(8, (os.cpu_count() or 2) // 2))

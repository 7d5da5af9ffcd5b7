"""Images to embeddings: a scikit-learn transformer around a network without its head."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from features.backbones.registry import Backbone, load_backbone
from features.errors import InputError
from features.extract.forward import Forward, choose_device, pays_to_compile
from features.extract.warmup import make_plan
from features.pixels.decode import (
    DecodedBatch,
    decode_batches,
    name_image,
    one_decoder,
    raise_problems,
)
from features.pixels.inputs import Images, check_images
from features.pixels.transforms import Transform

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
        Seconds that resizing, the forward pass and the copies to and from the device took; building
        the network and its first pass on a GPU are not counted.
    decoders : list of str
        Which decoder each image went through: `pillow`, `nvjpeg`, or empty for pixels.
    """

    rows: np.ndarray
    contents: list[str]
    embeddings: np.ndarray
    problems: list[tuple[int, str]]
    seconds: float
    decoders: list[str] = field(default_factory=list)


class Extractor(TransformerMixin, BaseEstimator):
    """Embed images with a network's penultimate layer.

    Parameters
    ----------
    backbone : str or Backbone
        A name of `features.backbones.registry`, or a network of your own.
    weights : str
        `imagenet`, `random` or the path of a state dict; not used when `backbone` is a `Backbone`.
    size : int or (int, int)
        Images are resized to a square of this side, or to height and width, pixels.
    preprocess : str
        A name of `features.pixels.preprocess`.
    precision : {"bfloat16", "float16", "float32"}
        What the network computes in; the result is float32.
    device : str
        `auto` takes CUDA, else MPS, else the CPU.
    batch_size : int, optional
        Images a forward pass; by default what a short measurement finds fastest. Out of memory, it is
        halved.
    workers : int, optional
        Decoding processes; by default as many as a short measurement finds to keep up.
    compile : bool, optional
        Whether to compile the network; by default when there are enough images to pay for it.
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
        batch_size: int | None = None,
        workers: int | None = None,
        compile: bool | None = None,
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
        self.compile = compile
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

    def fit(self, X: Images, y: object = None) -> "Extractor":
        """Load the network; nothing is learnt from `X`."""
        self.load()
        return self

    def transform(self, X: Images) -> np.ndarray:
        """Embed images.

        Parameters
        ----------
        X : sequence of str, or uint8 array of shape (n, height, width[, 3])
            Files, or pixels; see `features.pixels.inputs.check_images`.

        Returns
        -------
        float32 array, shape (n, dim)

        Raises
        ------
        InputError
            When `X` is empty, is neither files nor uint8 pixels, or some of its images cannot be
            decoded; every one is named.
        """
        X = check_images(X)
        embeddings = np.empty((len(X), self.load().dim), np.float32)
        problems: list[tuple[int, str]] = []
        for batch in self.batches(X):
            embeddings[batch.rows] = batch.embeddings
            problems += batch.problems
        raise_problems(problems, X)
        return embeddings

    def batches(self, X: Images, progress: Callable[[int], None] | None = None) -> Iterator[EmbeddedBatch]:
        """Embed images a batch at a time; see `transform`. Problems are yielded, not raised.

        `progress` is called with the number of images done so far.
        """
        X = check_images(X)
        forward = self.forward(len(X))
        done = 0
        refused: list[str] = []
        waiting: list[tuple[DecodedBatch, Callable[[], EmbeddedBatch]]] = []
        for batch in self.decoded(X, forward):
            refused += [name_image(X, row) for row in batch.refused]
            waiting.append((batch, start_batch(forward, batch, batch.stacks)))
            # One batch stays in flight, so that a GPU works while the last answer is copied back.
            while len(waiting) > (1 if forward.device.type == "cuda" else 0):
                finished, answer = waiting.pop(0)
                done += finished.images
                yield answer()
                if progress is not None:
                    progress(done)
        for finished, answer in waiting:
            done += finished.images
            yield answer()
            if progress is not None:
                progress(done)
        if refused:
            warnings.warn(tell_refused(refused), RuntimeWarning, stacklevel=2)

    def forward(self, images: int) -> Forward:
        """Return the network on its device, for this number of images.

        Raises
        ------
        InputError
            For an unknown precision or device, or no images.
        """
        if images == 0:
            raise InputError("empty image list: nothing to embed")
        if self.precision not in PRECISIONS:
            raise InputError(f"precision {self.precision!r}: choose one of {', '.join(PRECISIONS)}")
        device = choose_device(self.device)
        compile = pays_to_compile(images, device) if self.compile is None else self.compile
        settings = (self.load(), self.size, device, self.precision, compile)
        # Kept between calls: a compiled network is not to be compiled again.
        made: tuple[object, Forward] | None = getattr(self, "_made", None)
        if made is None or made[0] != settings:
            made = self._made = settings, Forward(*settings)
        return made[1]

    def decoded(self, X: Images, forward: Forward) -> Iterator[DecodedBatch]:
        """Decode images in order, in batches of the size that suits the network."""
        decode = one_decoder(X, self.preprocess)
        plan = make_plan(X, decode, forward, batch_size=self.batch_size, workers=self.workers)
        on_device = forward.device if self.decodes_on_device else None
        yield from decode_batches(
            X,
            preprocess=self.preprocess,
            batch_size=plan.batch_size,
            workers=plan.workers,
            pin=forward.device.type == "cuda",
            jpeg_device=on_device,
        )

    @property
    def decodes_on_device(self) -> bool:
        """Whether JPEG files are decoded by the GPU, whose pixels differ from Pillow's by rounding."""
        return choose_device(self.device).type == "cuda" and self.preprocess == "none"

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def tell_refused(names: Sequence[str]) -> str:
    """Return the warning about JPEG files that the GPU refused."""
    return (
        f"nvJPEG refused {len(names)} JPEG files, which Pillow decoded (first: {names[0]}); their pixels "
        "may differ from nvJPEG's by rounding"
    )


def start_batch(
    forward: Forward, batch: DecodedBatch, stacks: list[tuple[list[int], torch.Tensor]]
) -> Callable[[], EmbeddedBatch]:
    """Start the forward pass of some stacks of a batch; the returned function waits for it."""
    # Grey images share their passes whatever their sizes, and so do those with colour.
    stacks = sorted(stacks, key=lambda stack: stack[1].shape[1])
    tensors = [pixels for _, pixels in stacks]
    forward.warm(tensors)
    started = time.perf_counter()
    pending = forward.start(tensors)
    spent = time.perf_counter() - started

    def finish() -> EmbeddedBatch:
        waited = time.perf_counter()
        embeddings = pending()
        waited = time.perf_counter() - waited
        rows = [row for same_size, _ in stacks for row in same_size]
        return EmbeddedBatch(
            np.array(rows, dtype=np.int64),
            [batch.contents[row] for row in rows],
            embeddings,
            batch.problems,
            spent + waited,
            ["nvjpeg" if row in batch.on_device else batch.decoder for row in rows],
        )

    return finish

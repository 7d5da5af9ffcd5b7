"""Pixels to embeddings on a device: batches across image sizes, halved when memory runs out."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby
from typing import Any

import numpy as np
import torch

from features.backbones.fuse import grey_network, rgb_network
from features.backbones.registry import Backbone
from features.errors import InputError
from features.pixels.sizes import height_and_width
from features.pixels.transforms import resize_batch

#: Images from which compiling pays for itself: about a minute on a CPU, less on a GPU.
COMPILE_FROM = {"cpu": 40_000, "cuda": 20_000}

Pending = Callable[[], np.ndarray]


class Forward:
    """uint8 pixels on the CPU to float32 embeddings on the CPU.

    Parameters
    ----------
    backbone : Backbone
    size : int or (int, int)
        What images are resized to, on the device.
    device : torch.device
    precision : str
        What the network computes in.
    compile : bool
        Whether to compile the network; where that fails it runs uncompiled.
    """

    def __init__(
        self,
        backbone: Backbone,
        size: int | tuple[int, int],
        device: torch.device,
        precision: str,
        compile: bool = False,
    ):
        self.backbone, self.size, self.device, self.compile = backbone, size, device, compile
        self.dtype = getattr(torch, precision)
        self.limit: int | None = None
        self._networks: dict[int, Any] = {}

    def __call__(self, pixels: torch.Tensor) -> np.ndarray:
        """Embed a batch, shape (n, channels, height, width), and wait for it."""
        return self.start([pixels])()

    @torch.inference_mode()
    def start(self, stacks: Sequence[torch.Tensor]) -> Pending:
        """Start a batch. The returned function waits for it; on a GPU the next batch can start meanwhile.

        Parameters
        ----------
        stacks : sequence of uint8 tensor of shape (n, channels, height, width)
            Images of one size each. Once resized, neighbouring stacks with the same number of channels
            go through the network together, so that images of many sizes make full batches.

        Returns
        -------
        callable
            Returns the embeddings, float32 array of shape (images, dim), in the order of the stacks.

        Raises
        ------
        InputError
            When not even a single image fits into the device's memory.
        """
        parts: list[torch.Tensor] = []
        for _, alike in groupby(stacks, key=lambda pixels: pixels.shape[1]):
            group = list(alike)
            done, total = 0, sum(map(len, group))
            while done < total:
                count = min(self.limit or total, total - done)
                try:
                    parts.append(self._embed(self._resized(group, done, count)))
                except (RuntimeError, MemoryError) as error:
                    self._halve(count, error)
                    continue
                done += count
        if not parts:
            return lambda: np.empty((0, self.backbone.dim), np.float32)
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        if self.device.type != "cuda":
            return lambda: whole.cpu().numpy()
        host = torch.empty(whole.shape, dtype=whole.dtype, pin_memory=True)
        host.copy_(whole, non_blocking=True)
        copied = torch.cuda.Event()
        copied.record()

        def wait() -> np.ndarray:
            copied.synchronize()
            return host.numpy()

        return wait

    @torch.inference_mode()
    def warm(self, stacks: Sequence[torch.Tensor]) -> None:
        """Build the networks that the stacks need; on a GPU, or compiled, run each once.

        The first pass allocates, chooses algorithms and compiles. That is no property of an image, so
        callers that measure the time per image warm first.
        """
        for channels in {pixels.shape[1] for pixels in stacks} - self._networks.keys():
            network = self._network(channels)
            if self.device.type == "cpu" and not self.compile:
                continue
            images = sum(len(pixels) for pixels in stacks if pixels.shape[1] == channels)
            side = height_and_width(self.size)
            blank = torch.zeros((images, channels, *side), dtype=torch.uint8, device=self.device)
            try:
                with autocast(self.device, self.dtype):
                    network(blank)
            except (RuntimeError, MemoryError) as error:
                # `start` halves the batch and goes on.
                if not is_out_of_memory(error):
                    raise

    def _resized(self, stacks: Sequence[torch.Tensor], start: int, count: int) -> torch.Tensor:
        """Move `count` images, counted through the stacks from `start`, to the device and resize them."""
        pieces = []
        for pixels in stacks:
            wanted = pixels[max(start, 0) : max(start + count, 0)]
            if len(wanted):
                pieces.append(resize_batch(wanted.to(self.device, non_blocking=True), self.size))
            start -= len(pixels)
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _embed(self, pixels: torch.Tensor) -> torch.Tensor:
        network = self._network(pixels.shape[1])
        with autocast(self.device, self.dtype):
            return network(pixels).float()

    def _halve(self, images: int, error: Exception) -> None:
        """Halve the batch if `error` says that memory ran out, else raise it."""
        if not is_out_of_memory(error):
            raise error
        if images <= 1:
            raise InputError(
                f"one image does not fit into the memory of {self.device}: choose a smaller size or network"
            ) from error
        self.limit = images // 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _network(self, channels: int) -> Any:
        if channels not in self._networks:
            make = grey_network if channels == 1 else rgb_network
            network = make(self.backbone).to(self.device).to(memory_format=torch.channels_last)
            self._networks[channels] = _Compiled(network) if self.compile else network
        return self._networks[channels]


class _Compiled:
    """A compiled network that falls back to itself uncompiled where no compiler works."""

    def __init__(self, network: torch.nn.Module):
        self.plain = network
        self.network: Any = torch.compile(network, dynamic=None)

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        try:
            return self.network(pixels)
        except Exception as error:
            if self.network is self.plain or is_out_of_memory(error):
                raise
            self.network = self.plain
            return self.plain(pixels)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error means that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


def pays_to_compile(images: int, device: torch.device) -> bool:
    """Return whether this number of images wins back the time that compiling takes."""
    return images >= COMPILE_FROM.get(device.type, np.inf)


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


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[None]:
    """Return the context that computes in a precision: `exact_float32` for float32, else autocast."""
    if dtype == torch.float32:
        return exact_float32()
    return torch.autocast(device.type, dtype=dtype)


@contextmanager
def exact_float32() -> Iterator[None]:
    """Compute float32 convolutions and products of matrices in float32 on a GPU, not in TF32.

    By default cuDNN rounds the inputs of float32 convolutions to TF32, whose mantissa has ten bits, so
    results that are called float32 would be no more exact than those of float16.
    """
    cudnn: Any = torch.backends.cudnn
    places: tuple[Any, ...] = (cudnn.conv, cudnn.rnn, torch.backends.cuda.matmul)
    before = [place.fp32_precision for place in places]
    try:
        for place in places:
            place.fp32_precision = "ieee"
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.fp32_precision = value

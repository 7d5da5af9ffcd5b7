"""Decoding in worker processes, so that the network never waits for a file."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.io import ImageReadMode, decode_jpeg

from features.errors import InputError, UnreadableImage
from features.files import content_hash
from features.pixels.images import check_header, decode_image, file_content, read_bytes
from features.pixels.inputs import Images
from features.pixels.jpeg import jpeg_damage
from features.pixels.preprocess import get_preprocess

#: A message names no more images: thousands, of a folder that was moved, make no line that can be read.
_NAMED = 20


@dataclass
class DecodedBatch:
    """Decoded images, stacked where they have the same shape.

    Parameters
    ----------
    stacks : list of (list of int, uint8 tensor of shape (n, channels, height, width))
        The rows of the input that each stack holds, and their pixels.
    contents : dict of int to str
        Content hash by row.
    problems : list of (int, str)
        Rows that could not be decoded, each with the reason.
    jpegs : list of (int, uint8 tensor of shape (n_bytes,))
        JPEG files that a GPU still has to decode.
    decoder : str
        What decoded the rows: `pillow`, or empty for pixels that were handed over.
    on_device : set of int
        Rows that a GPU decoded (nvJPEG) instead.
    refused : list of int
        Rows that the GPU was given and refused, so that Pillow decoded them.
    """

    stacks: list[tuple[list[int], torch.Tensor]] = field(default_factory=list)
    contents: dict[int, str] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)
    jpegs: list[tuple[int, torch.Tensor]] = field(default_factory=list)
    decoder: str = "pillow"
    on_device: set[int] = field(default_factory=set)
    refused: list[int] = field(default_factory=list)

    @property
    def images(self) -> int:
        """Number of images, unreadable ones included."""
        return len(self.contents) + len(self.problems)


def decode_batches(
    images: Images,
    *,
    preprocess: str = "none",
    batch_size: int = 64,
    workers: int = 0,
    pin: bool = False,
    jpeg_device: torch.device | None = None,
) -> Iterator[DecodedBatch]:
    """Decode images in order, one batch at a time, while `workers` processes decode the next ones.

    Parameters
    ----------
    images : sequence of str, or uint8 array of shape (n, height, width[, 3])
        Files, or decoded pixels.
    preprocess : str
        A name of `features.pixels.preprocess`.
    batch_size : int
        Images per batch.
    workers : int
        Processes; 0 decodes in this process.
    pin : bool
        Whether to return page-locked memory, for CUDA.
    jpeg_device : torch.device, optional
        A CUDA device that decodes JPEG files; their pixels are then on it.

    Yields
    ------
    DecodedBatch
        A file that cannot be decoded is a problem of its batch, never an exception.
    """
    files = not isinstance(images, np.ndarray)
    loader: DataLoader = DataLoader(
        _Images(images, preprocess, keep_jpeg=jpeg_device is not None),
        batch_size=batch_size,
        num_workers=workers if files else 0,
        collate_fn=pack,
        pin_memory=pin,
        prefetch_factor=4 if workers and files else None,
    )
    for packed in loader:
        batch = packed.unpack()
        batch.decoder = "" if isinstance(images[0], np.ndarray) else "pillow"
        if batch.jpegs and jpeg_device is not None:
            decode_jpegs(batch, jpeg_device)
        yield batch


def default_workers() -> int:
    """Return how many decoding processes to use where nothing is measured."""
    return max(1, min(8, (os.cpu_count() or 2) // 2))


def raise_problems(problems: list[tuple[int, str]], images: Images) -> None:
    """Raise one `InputError` that names the first images that could not be read, if there are any."""
    if problems:
        named = [f"{name_image(images, row)} ({reason})" for row, reason in problems[:_NAMED]]
        more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise InputError(f"{len(problems)} of {len(images)} images unreadable: {'; '.join(named)}{more}")


def name_image(images: Images, row: int) -> str:
    """Return what messages call an image: its file, or its position among pixels."""
    return f"image {row}" if isinstance(images[row], np.ndarray) else str(images[row])


def decode_jpegs(batch: DecodedBatch, device: torch.device) -> None:
    """Decode the JPEG files of a batch on a GPU; Pillow decodes those that the GPU refuses."""
    decoded = _decode_on(device, [data for _, data in batch.jpegs])
    stacks: dict[tuple[object, ...], list[tuple[int, torch.Tensor]]] = {}
    for (row, data), pixels in zip(batch.jpegs, decoded, strict=True):
        if pixels is None:
            batch.refused.append(row)
            try:
                pixels = _to_tensor(decode_image(data.numpy().tobytes()))
            except UnreadableImage as error:
                batch.problems.append((row, error.reason))
                del batch.contents[row]
                continue
        else:
            batch.on_device.add(row)
        stacks.setdefault((pixels.device, *pixels.shape), []).append((row, pixels))
    for rows in stacks.values():
        batch.stacks.append(([row for row, _ in rows], torch.stack([pixels for _, pixels in rows])))
    batch.jpegs = []


def _decode_on(device: torch.device, files: list[torch.Tensor]) -> list[torch.Tensor | None]:
    """Decode files with nvJPEG; None for each one that it refuses."""
    # nvJPEG writes on a stream of its own. The memory it is given may have been released by work that
    # still waits on the current stream, and that work would then read another image's pixels.
    torch.cuda.current_stream(device).synchronize()
    try:
        return [_usable(pixels) for pixels in _nvjpeg(files, device)]
    except RuntimeError:
        # One refused file fails the whole call, so each is tried on its own.
        return [_decode_one(data, device) for data in files]


def _decode_one(data: torch.Tensor, device: torch.device) -> torch.Tensor | None:
    try:
        return _usable(_nvjpeg([data], device)[0])
    except RuntimeError:
        return None


def _nvjpeg(files: list[torch.Tensor], device: torch.device) -> list[torch.Tensor]:
    return decode_jpeg(files, mode=ImageReadMode.UNCHANGED, device=device)


def _usable(pixels: torch.Tensor) -> torch.Tensor | None:
    return pixels if pixels.shape[0] in (1, 3) else None


def suits_gpu(data: bytes, path: str = "image") -> bool:
    """Return whether a GPU decodes a JPEG file to the pixels that Pillow gives, up to rounding.

    It does for grey and YCbCr files. It ignores the EXIF orientation, and converts CMYK and files that
    store RGB in another way.

    Raises
    ------
    UnreadableImage
        When the header says that the file cannot be used.
    """
    if not check_header(data, path):
        return False
    with Image.open(io.BytesIO(data)) as image:
        return image.mode == "L" or image.info.get("adobe_transform") != 0


def one_decoder(images: Images, preprocess: str) -> Callable[[int], torch.Tensor | None]:
    """Return what decodes one row in this process: (channels, height, width), None if unreadable."""
    dataset = _Images(images, preprocess)

    def decode(row: int) -> torch.Tensor | None:
        pixels = dataset[row].data
        return None if pixels is None else _to_tensor(pixels)

    return decode


_JPEG_START = b"\xff\xd8\xff"


@dataclass(frozen=True)
class _Decoded:
    """One image: pixels (height, width[, 3]), the bytes of a JPEG file, or the reason why neither."""

    row: int
    content: str = ""
    data: np.ndarray | None = None
    reason: str = ""


class _Images(Dataset[_Decoded]):
    def __init__(self, images: Images, preprocess: str, keep_jpeg: bool = False):
        self.images, self.keep_jpeg = images, keep_jpeg
        self.preprocess = get_preprocess(preprocess)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> _Decoded:
        image = self.images[row]
        try:
            if isinstance(image, np.ndarray):
                return _Decoded(row, content_hash(np.ascontiguousarray(image).data), self.preprocess(image))
            data = read_bytes(image)
            if self.keep_jpeg and data.startswith(_JPEG_START) and suits_gpu(data, image):
                # nvJPEG draws grey where data is missing.
                if damage := jpeg_damage(data):
                    raise UnreadableImage(image, f"damaged or truncated: {damage}")
                return _Decoded(row, file_content(data), np.frombuffer(data, np.uint8))
            pixels = decode_image(data, image, self.preprocess.bit_depth)
            return _Decoded(row, file_content(data), self.preprocess(pixels))
        except UnreadableImage as error:
            return _Decoded(row, reason=error.reason)
        # A preprocessing that leaves nothing of a small image.
        except InputError as error:
            return _Decoded(row, reason=str(error))


def _to_tensor(pixels: np.ndarray) -> torch.Tensor:
    pixels = np.ascontiguousarray(pixels)
    tensor = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())
    return tensor[None] if pixels.ndim == 2 else tensor.permute(2, 0, 1)


@dataclass
class PackedBatch:
    """A batch on its way from a worker process: all its bytes in one tensor.

    A tensor that crosses to another process holds a file descriptor there. One for each image, or for
    each size of image, would exceed the usual limit of 1,024 with a few workers.

    Parameters
    ----------
    data : uint8 tensor, shape (n_bytes,)
        Pixels and JPEG files, those of one shape side by side.
    groups : list of (tuple of int, list of int)
        Shape, and the rows that have it, in the order of `data`.
    contents, problems
        As in `DecodedBatch`.
    """

    data: torch.Tensor
    groups: list[tuple[tuple[int, ...], list[int]]]
    contents: dict[int, str]
    problems: list[tuple[int, str]]

    def pin_memory(self) -> "PackedBatch":
        """Move the bytes to page-locked memory, from which a GPU copies without waiting."""
        self.data = self.data.pin_memory()
        return self

    def unpack(self) -> DecodedBatch:
        """Return the batch; its tensors are views of `data`."""
        batch = DecodedBatch(contents=self.contents, problems=self.problems)
        start = 0
        for shape, rows in self.groups:
            stop = start + len(rows) * int(np.prod(shape))
            block = self.data[start:stop].view(len(rows), *shape)
            start = stop
            if len(shape) == 1:
                batch.jpegs += zip(rows, block, strict=True)
            else:
                channels_first = block[:, None] if len(shape) == 2 else block.permute(0, 3, 1, 2)
                batch.stacks.append((rows, channels_first))
        return batch


def pack(items: list[_Decoded]) -> PackedBatch:
    """Join the images of a batch, grouped by shape."""
    by_shape: dict[tuple[int, ...], list[_Decoded]] = {}
    for item in items:
        if item.data is not None:
            by_shape.setdefault(item.data.shape, []).append(item)
    blocks = [np.ravel(item.data) for same in by_shape.values() for item in same if item.data is not None]
    return PackedBatch(
        torch.from_numpy(np.concatenate(blocks) if blocks else np.empty(0, np.uint8)),
        [(shape, [item.row for item in same]) for shape, same in by_shape.items()],
        {item.row: item.content for item in items if item.data is not None},
        [(item.row, item.reason) for item in items if item.data is None],
    )

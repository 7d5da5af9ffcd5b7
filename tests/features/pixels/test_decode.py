"""Decoding: bytes between processes, JPEG files on a GPU (stubbed), checks of what is handed over."""

import os
import resource
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from made import spots
from PIL import Image

from features.errors import InputError
from features.extract.cached import CachedExtractor
from features.extract.extractor import Extractor
from features.pixels import decode as decode_module
from features.pixels.decode import decode_batches, suits_gpu
from features.pixels.images import decode, file_content, read_image
from features.pixels.inputs import check_images
from features.pixels.transforms import _interpolate, resize_batch
from features.store.store import EmbeddingStore

CUDA = torch.device("cuda")
JPEGS = 8


@pytest.fixture
def jpegs(write_image):
    images, _ = spots(JPEGS, 24)
    return [write_image(f"f{i}.jpg", image, quality=95) for i, image in enumerate(images)]


class Gpu:
    """What stands in for nvJPEG: the order of its calls, and the files that it refuses."""

    def __init__(self, refuses=(), error="nvJPEG: status 5"):
        self.calls, self.refuses, self.error = [], refuses, error

    def current_stream(self, device):
        return self

    def synchronize(self):
        self.calls.append("wait")

    def decode_jpeg(self, files, *, mode, device):
        self.calls.append(len(files))
        decoded = []
        for data in files:
            assert data.dtype == torch.uint8 and data.ndim == 1 and data.is_contiguous()
            if data.numpy().tobytes() in self.refuses:
                raise RuntimeError(self.error)
            pixels = decode_module.decode_image(data.numpy().tobytes())
            decoded.append(decode_module._to_tensor(pixels))
        return decoded


@pytest.fixture
def gpu(monkeypatch):
    def install(**options):
        gpu = Gpu(**options)
        monkeypatch.setattr(decode_module, "decode_jpeg", gpu.decode_jpeg)
        monkeypatch.setattr(torch.cuda, "current_stream", gpu.current_stream)
        return gpu

    return install


def pixels_of(batches):
    return {
        row: pixels.permute(1, 2, 0).squeeze(-1).numpy()
        for batch in batches
        for rows, stack in batch.stacks
        for row, pixels in zip(rows, stack, strict=True)
    }


def test_nvjpeg_waits_for_the_stream_before_it_decodes(jpegs, gpu):
    stub = gpu()
    batches = list(decode_batches(jpegs, batch_size=4, jpeg_device=CUDA))
    assert stub.calls == ["wait", 4, "wait", 4]
    assert [batch.on_device for batch in batches] == [{0, 1, 2, 3}, {4, 5, 6, 7}]
    found = pixels_of(batches)
    for row, path in enumerate(jpegs):
        np.testing.assert_array_equal(found[row], read_image(path))


@pytest.mark.parametrize("error", ["nvJPEG: status 5", "CUDA out of memory. Tried to allocate 2 GiB"])
def test_one_refused_jpeg_alone_goes_to_pillow_and_is_named(jpegs, gpu, error):
    with open(jpegs[2], "rb") as file:
        stub = gpu(refuses=[file.read()], error=error)
    (batch,) = decode_batches(jpegs, jpeg_device=CUDA)
    assert stub.calls == ["wait", 8, *[1] * 8]
    assert batch.refused == [2] and batch.on_device == set(range(8)) - {2} and not batch.problems
    np.testing.assert_array_equal(pixels_of([batch])[2], read_image(jpegs[2]))


def test_the_store_says_which_decoder_an_embedding_went_through(jpegs, gpu, tmp_path, monkeypatch):
    with open(jpegs[2], "rb") as file:
        gpu(refuses=[file.read()])
    monkeypatch.setattr(Extractor, "decodes_on_device", True)
    extractor = Extractor("resnet18", "random", size=32, workers=0, device="cpu")
    cached, lines = CachedExtractor(extractor, EmbeddingStore(tmp_path / "store")), []
    cached.transform(jpegs, image_ids=[str(row) for row in range(JPEGS)], warn=lines.append)
    (part,) = cached.collection().parts()
    table = pq.read_table(part.path)
    decoders = dict(
        zip(table.column("image_id").to_pylist(), table.column("decoder").to_pylist(), strict=True)
    )
    assert decoders == {str(row): "pillow" if row == 2 else "nvjpeg" for row in range(JPEGS)}
    assert len(lines) == 1 and "nvJPEG refused 1 JPEG files" in lines[0] and jpegs[2] in lines[0]
    assert cached.key.versions["nvjpeg"] == 1
    with pytest.warns(RuntimeWarning, match="nvJPEG refused 1 JPEG files"):
        extractor.transform(jpegs)


def test_a_refused_jpeg_that_pillow_cannot_read_either_is_a_problem(jpegs, gpu):
    path = Path(jpegs[1])
    damaged = bytearray(path.read_bytes())
    tables = damaged.index(b"\xff\xc4")
    damaged[tables + 5 : tables + 21] = b"\xff" * 16
    path.write_bytes(damaged)
    assert suits_gpu(bytes(damaged))
    gpu(refuses=[bytes(damaged)])
    (batch,) = decode_batches(jpegs, jpeg_device=CUDA)
    assert [row for row, _ in batch.problems] == [1] and sorted(batch.contents) == [0, 2, 3, 4, 5, 6, 7]


def test_only_jpegs_that_a_gpu_decodes_as_pillow_does_are_given_to_it(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
    image = Image.fromarray(pixels)
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "grey": (image.convert("L"), {}), "rgb": (image, {}), "progressive": (image, {"progressive": True}),
        "cmyk": (image.convert("CMYK"), {}), "turned": (image, {"exif": turned.tobytes()}),
        "stored_rgb": (image, {"keep_rgb": True}),
    }  # fmt: skip
    found = {}
    for name, (picture, options) in files.items():
        path = tmp_path / f"{name}.jpg"
        picture.save(path, **options)
        found[name] = suits_gpu(path.read_bytes())
    assert found == {
        "grey": True, "rgb": True, "progressive": True, "cmyk": False, "turned": False, "stored_rgb": False,
    }  # fmt: skip


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
def test_a_truncated_jpeg_is_a_problem_on_a_gpu_as_on_the_cpu(progressive, end, tmp_path, gpu):
    stub = gpu()
    path = tmp_path / "cut.jpg"
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(pixels).save(path, progressive=progressive)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3] + end)
    for device in (None, CUDA):
        (batch,) = decode_batches([str(path)], jpeg_device=device)
        assert len(batch.problems) == 1 and not batch.contents and "truncated" in batch.problems[0][1]
    assert stub.calls == []


def test_the_store_finds_an_image_under_the_hash_that_decoding_gives_it(tmp_path):
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 255, (20, 24, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {
        "a.png": (colour, {}), "b.png": (colour, {"exif": exif}), "c.jpg": (colour, {}),
        "d.jpg": (colour, {"exif": exif}), "e.bmp": (colour, {}), "f.tif": (colour, {}),
        "g.jpg": (colour.convert("CMYK"), {}), "h.tif": (colour, {"exif": exif}),
        "i.png": (Image.fromarray(rng.integers(0, 65535, (20, 24), np.uint16)), {}),
        "j.jpg": (colour.convert("L"), {"progressive": True}),
    }  # fmt: skip
    for name, (image, options) in kinds.items():
        image.save(tmp_path / name, **options)
        data = (tmp_path / name).read_bytes()
        assert file_content(data) == decode(data).content, name
    assert file_content(b"junk") == file_content(b"junk") != file_content(b"other junk")
    cached = CachedExtractor(
        Extractor("resnet18", "random", size=32, workers=0), EmbeddingStore(tmp_path / "store")
    )
    files = [str(tmp_path / name) for name in kinds]
    np.testing.assert_array_equal(cached.transform(files), cached.transform(files))


def test_mixed_files_reach_the_gpu_or_pillow_each_with_its_pixels(jpegs, gpu, write_image):
    gpu()
    png = write_image("a.png", np.full((24, 24), 7, np.uint8))
    colour = write_image("c.jpg", np.full((24, 24, 3), 9, np.uint8))
    (batch,) = decode_batches([png, jpegs[0], colour], jpeg_device=CUDA)
    assert batch.on_device == {1, 2} and batch.refused == []
    found = pixels_of([batch])
    assert found[0].max() == 7 and found[2].shape == (24, 24, 3)


@pytest.mark.parametrize("kind", ["jpegs", "sizes"])
def test_batches_hold_one_file_descriptor_however_many_images_they_have(kind, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    paths = []
    for number in range(16):
        side = 24 + (number if kind == "sizes" else 0)
        paths.append(str(tmp_path / f"{number}.{'png' if kind == 'sizes' else 'jpg'}"))
        Image.fromarray(rng.integers(0, 255, (side, side), np.uint8)).save(paths[-1])
    # The bytes of JPEG files travel as they would to a GPU.
    monkeypatch.setattr(decode_module, "decode_jpegs", lambda batch, device: None)
    device = CUDA if kind == "jpegs" else None

    def count_images():
        used = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 64
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 64, used + 64))
        # All batches are kept, as a slow network would keep them waiting.
        kept = list(decode_batches(paths * 32, batch_size=128, workers=2, jpeg_device=device))
        return sum(len(batch.jpegs) + sum(len(rows) for rows, _ in batch.stacks) for batch in kept)

    assert in_child(count_images) == 16 * 32


def in_child(work):
    """Run `work` in a forked process, whose limits end with it, and return the number it returns."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(work()).encode())
        except BaseException as error:
            os.write(writing, repr(error)[:500].encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        text = answer.read()
    assert text.isdigit(), text
    return int(text)


def test_a_preprocessing_that_leaves_nothing_of_an_image_names_its_file(write_image):
    small = write_image("small.png", np.zeros((20, 20), np.uint8))
    large = write_image("large.png", np.zeros((60, 60), np.uint8))
    (batch,) = decode_batches([small, large], preprocess="crop20")
    assert [row for row, _ in batch.problems] == [0] and "leaves nothing of 20 x 20" in batch.problems[0][1]


def test_resizing_elsewhere_rounds_to_the_grey_levels_of_the_cpu():
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 3, 50, 41), np.uint8))
    elsewhere = _interpolate(images.float(), (24, 30)).round_().to(torch.uint8)
    assert (elsewhere.int() - resize_batch(images, (24, 30)).int()).abs().max() <= 1
    assert resize_batch(images.to("meta"), 24).dtype == torch.uint8


# -- what is handed over ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.random.default_rng(0).random((2, 16, 16)), r"float64 in 0 to 1: .*\(255 \* X\)\.round"),
        (np.ones((2, 16, 16, 3), np.float32), "float32 in 0 to 1"),
        (np.full((2, 16, 16), 200.0), r"float64: pass uint8 in 0 to 255, X\.round\(\)"),
        (np.full((2, 16, 16), -1.5), "float64 in -1.5 to -1.5: scale them"),
        (np.full((2, 16, 16), np.nan, np.float32), "float32 in nan to nan: scale them"),
        (np.full((2, 16, 16), 60_000, np.uint16), r"uint16: .*\(X // 257\)"),
        (np.ones((2, 16, 16), bool), r"bool: .*\* 255"),
        (np.full((2, 16, 16), 70_000), "int64 in 70000 to 70000"),
        (np.zeros((2, 16, 16), complex), "complex128: scale them to uint8"),
        (np.zeros((2, 16, 16, 4), np.uint8), r"shape \(2, 16, 16, 4\)"),
        (np.zeros((2, 3, 16, 16), np.uint8), r"shape \(2, 3, 16, 16\)"),
        (np.zeros((16, 16), np.uint8), r"shape \(16, 16\)"),
        ([np.zeros((16, 16), np.uint8), np.zeros((16, 16))], "image 1 is float64 in 0 to 1"),
        ([np.zeros((2, 16, 16, 3), np.uint8)], "image 0 has shape"),
        (torch.zeros(2, 16, 16), "torch tensor"),
        ([torch.zeros(16, 16)], "image 0 is of type Tensor"),
        ([Image.new("L", (16, 16))], "image 0 is of type Image"),
        ("a.png", r"'a\.png': pass a list of files"),
        ([None], "image 0 is of type NoneType"),
    ],
)
def test_what_is_neither_files_nor_uint8_pixels_is_refused_in_one_line(images, message):
    extractor = Extractor("resnet18", "random", size=32, workers=0)
    for call in (extractor.transform, lambda X: list(extractor.batches(X)), check_images):
        with pytest.raises(InputError, match=message) as caught:
            call(images)
        assert "\n" not in str(caught.value)


def test_arrays_of_names_paths_and_lists_of_pixels_are_taken(jpegs, tmp_path):
    extractor = Extractor("resnet18", "random", size=32, workers=0)
    expected = extractor.transform(jpegs[:3])
    np.testing.assert_array_equal(extractor.transform(np.array(jpegs[:3])), expected)
    np.testing.assert_array_equal(extractor.transform([tmp_path / f"f{i}.jpg" for i in range(3)]), expected)
    np.testing.assert_array_equal(extractor.transform([read_image(path) for path in jpegs[:3]]), expected)

from pathlib import Path

import numpy as np
import pytest
import torch
from faulty import faulty_files
from made import spots

from features.backbones.registry import load_backbone
from features.errors import InputError
from features.extract import forward as forward_module
from features.extract import warmup
from features.extract.cached import CachedExtractor, transform_together
from features.extract.extractor import Extractor
from features.extract.forward import Forward, pays_to_compile
from features.pixels import decode as pipeline_module
from features.pixels.arrays import load_images
from features.store.store import EmbeddingStore


@pytest.fixture
def files(write_image):
    images, _ = spots(12, 40)
    return [write_image(f"f{i}.png", image) for i, image in enumerate(images)], images


def make(**options):
    return Extractor("resnet18", "random", **{"size": 64, "workers": 0, "batch_size": 5, **options})


def test_files_and_arrays_give_the_same(files):
    paths, images = files
    out = make().fit(paths).transform(paths)
    assert out.shape == (12, 512) and out.dtype == np.float32
    np.testing.assert_array_equal(out, make().transform(images))
    np.testing.assert_array_equal(out, make(workers=2).transform(paths))


def test_batches_do_not_change_the_numbers(files):
    paths, _ = files
    whole, single = (make(batch_size=n, precision="float32").transform(paths) for n in (12, 1))
    np.testing.assert_allclose(whole, single, rtol=1e-4, atol=1e-5)


def test_mixed_sizes_and_colours_keep_their_order(files, write_image):
    paths, images = files
    other = write_image("wide.png", np.zeros((30, 50), np.uint8))
    colour = write_image("colour.png", np.zeros((40, 40, 3), np.uint8))
    mixed = [paths[3], other, paths[0], colour, paths[7]]
    out = make().transform(mixed)
    for row, path in enumerate(mixed):
        expected = make().transform([path])[0]
        assert np.dot(out[row], expected) / np.linalg.norm(out[row]) / np.linalg.norm(expected) > 0.9999


def test_half_precision_does_not_move_the_embeddings(files):
    paths, _ = files
    exact = make(precision="float32").transform(paths)
    fast = make(precision="bfloat16").transform(paths)
    cosine = (exact * fast).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(fast, axis=1)
    assert cosine.min() >= 0.999


def tf32_settings():
    return torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_float32_is_computed_without_tf32_and_the_setting_is_restored(precision, files, monkeypatch):
    paths, _ = files
    seen, before = [], tf32_settings()
    convolve = torch.nn.Conv2d.forward

    def recorded(self, inputs):
        seen.append(tf32_settings())
        return convolve(self, inputs)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", recorded)
    make(precision=precision).transform(paths[:2])
    assert set(seen) == {("ieee", "ieee") if precision == "float32" else before}
    assert tf32_settings() == before


def test_bad_images_are_all_named(files, tmp_path):
    paths, _ = files
    (tmp_path / "bad.png").write_bytes(b"junk")
    with pytest.raises(InputError, match=r"2 of 3 images unreadable: .*bad\.png.*nowhere\.png"):
        make().transform([str(tmp_path / "bad.png"), paths[0], str(tmp_path / "nowhere.png")])


def test_of_a_thousand_bad_images_the_message_names_twenty(files):
    lost = [f"lost{number}.png" for number in range(1000)]
    with pytest.raises(InputError, match=r"1000 of 1000 images unreadable: ") as caught:
        make().transform(lost)
    message = str(caught.value)
    assert "lost19.png" in message and "lost20.png" not in message
    assert message.endswith("; and 980 more")


def test_every_faulty_file_is_named_and_the_others_are_stored(files, tmp_path):
    paths, _ = files
    reasons = faulty_files(tmp_path / "faulty")
    faulty = [str(tmp_path / "faulty" / name) for name in reasons]
    asked = [path for pair in zip(faulty, paths * 2, strict=False) for path in pair]
    cached = CachedExtractor(make(), EmbeddingStore(tmp_path / "store"))
    with pytest.raises(InputError) as caught:
        cached.transform(asked)
    for name, word in reasons.items():
        assert name in str(caught.value) and word in str(caught.value)
    good = [path for path in asked if path not in faulty]
    np.testing.assert_array_equal(cached.transform(good), make().transform(good))


def test_random_damage_is_an_embedding_or_a_reason_never_a_gap(tmp_path, write_image):
    rng = np.random.default_rng(0)
    whole = {
        suffix: Path(write_image(f"whole{suffix}", rng.integers(0, 255, (24, 24), np.uint8))).read_bytes()
        for suffix in (".png", ".jpg", ".bmp", ".tif")
    }
    paths = []
    for number in range(80):
        suffix = list(whole)[number % 4]
        data = bytearray(whole[suffix])
        for at in rng.integers(0, len(data), rng.integers(1, 12)):
            data[at] = rng.integers(0, 256)
        cut = len(data) if number % 3 else rng.integers(1, len(data))
        path = tmp_path / f"damaged-{number}{suffix}"
        path.write_bytes(bytes(data[:cut]))
        paths.append(str(path))
    rows, named = [], []
    for batch in make().batches(paths):
        rows += batch.rows.tolist()
        named += [row for row, reason in batch.problems if reason]
        assert np.isfinite(batch.embeddings).all()
    assert sorted(rows + named) == list(range(80)) and len(named) > 20


def test_an_empty_list_is_refused():
    with pytest.raises(InputError, match="empty image list"):
        make().transform([])


@pytest.mark.parametrize(
    ("option", "message"), [({"precision": "int8"}, "precision 'int8'"), ({"device": "tpu9"}, "tpu9")]
)
def test_unknown_settings_are_named(files, option, message):
    with pytest.raises(InputError, match=message):
        make(**option).transform(files[0])


class Counted:
    """A backbone that counts its forward passes."""

    def __init__(self):
        self.images = 0
        self.backbone = load_backbone("resnet18", "random")
        self.backbone.module.register_forward_hook(self._count)

    def _count(self, module, inputs, output):
        self.images += len(inputs[0])


@pytest.fixture
def counted(monkeypatch):
    counted = Counted()
    # Fusing copies the module, hooks and all would be traced away: count on the plain one.
    monkeypatch.setattr("features.backbones.fuse.fuse_batch_norms", lambda module: module)
    monkeypatch.setattr("features.extract.forward.grey_network", lambda b: _Grey(b.module))
    return counted


class _Grey(torch.nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, pixels):
        return self.module(pixels.float().expand(-1, 3, -1, -1) / 255)


def test_a_second_run_computes_nothing(files, tmp_path, counted):
    paths, images = files

    def cached(**options):
        extractor = Extractor(counted.backbone, size=64, workers=0, **options)
        return CachedExtractor(extractor, EmbeddingStore(tmp_path / "store"))

    first = cached().transform(paths[:8])
    assert counted.images == 8
    np.testing.assert_array_equal(cached().transform(paths[:8]), first)
    assert counted.images == 8
    both = cached().transform(paths[::-1])  # four new ones; the order is the one asked for
    assert counted.images == 12
    np.testing.assert_array_equal(both[::-1][:8], first)
    cached(precision="float32").transform(paths[:2])
    assert counted.images == 14
    cached(preprocess="none").transform(paths)
    assert counted.images == 14


def test_renamed_and_doubled_files_cost_nothing(files, tmp_path, counted):
    paths, _ = files
    cached = CachedExtractor(Extractor(counted.backbone, size=64, workers=0), EmbeddingStore(tmp_path / "s"))
    first = cached.transform([paths[0], paths[1], paths[0]])
    assert counted.images == 2
    moved = tmp_path / "elsewhere.png"
    moved.write_bytes(Path(paths[0]).read_bytes())
    np.testing.assert_array_equal(cached.transform([str(moved)])[0], first[0])
    assert counted.images == 2


def test_good_images_are_stored_when_others_are_bad(files, tmp_path, counted):
    paths, _ = files
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"junk")
    cached = CachedExtractor(Extractor(counted.backbone, size=64, workers=0), EmbeddingStore(tmp_path / "s"))
    with pytest.raises(InputError, match=r"1 of 3 images unreadable: .*bad\.png"):
        cached.transform([paths[0], str(bad), paths[1]])
    assert cached.collection().rows == 2


def test_load_images_fills_one_array(files, tmp_path, write_image):
    paths, images = files
    np.testing.assert_array_equal(load_images(paths, size=40, workers=0), images)
    rgb = load_images(paths, size=(20, 30), channels=3, workers=0)
    assert rgb.shape == (12, 20, 30, 3)
    mapped = load_images(paths, size=40, workers=0, file=tmp_path / "x.npy", memory_bytes=100)
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, images)


def test_several_networks_share_one_decode_pass(files, tmp_path, monkeypatch):
    paths, _ = files
    decoded = []
    original = pipeline_module.decode_image
    monkeypatch.setattr(
        pipeline_module,
        "decode_image",
        lambda data, path, *rest: (decoded.append(path), original(data, path))[1],
    )
    store = EmbeddingStore(tmp_path / "store")
    both = [
        CachedExtractor(make(seed=0), store),
        CachedExtractor(Extractor("resnet34", "random", size=48, workers=0), store),
    ]
    both[0].transform(paths[:3])
    decoded.clear()
    first, second = transform_together(both, paths)
    assert len(decoded) == 12
    np.testing.assert_array_equal(first, make(seed=0).transform(paths))
    np.testing.assert_array_equal(second, both[1].extractor.transform(paths))
    assert both[0].collection().rows == both[1].collection().rows == 12
    with pytest.raises(ValueError, match="share their preprocessing"):
        transform_together([both[0], CachedExtractor(make(preprocess="I"), store)], paths)


def test_out_of_memory_halves_the_batch_and_goes_on(files, monkeypatch):
    paths, images = files
    expected = make(batch_size=12).transform(paths)
    original, sizes = Forward._embed, []

    def small_memory(self, pixels):
        sizes.append(len(pixels))
        if len(pixels) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return original(self, pixels)

    monkeypatch.setattr(Forward, "_embed", small_memory)
    np.testing.assert_array_equal(make(batch_size=12).transform(paths), expected)
    assert sizes[:3] == [12, 6, 3] and max(sizes[3:]) == 3

    def no_memory(self, pixels):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Forward, "_embed", no_memory)
    with pytest.raises(InputError, match="one image does not fit into the memory of cpu"):
        make().transform(paths)

    def broken(self, pixels):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Forward, "_embed", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        make().transform(paths)


def test_the_warm_up_chooses_what_is_fastest(files, monkeypatch):
    paths, _ = files
    monkeypatch.setattr(warmup, "MEASURE_FROM", 10)
    extractor = make(batch_size=None, workers=None)
    forward = extractor.forward(len(paths))
    now = [0.0]
    monkeypatch.setattr(warmup.time, "perf_counter", lambda: now[0])

    seconds = {16: 0.16, 64: 0.32}

    def timed(pixels):
        now[0] += seconds[len(pixels)]

    fake = type("Fake", (), {"__call__": lambda self, p: timed(p), "device": forward.device, "size": 64,
                             "limit": None})()  # fmt: skip

    def decode(row):
        now[0] += 0.02
        return torch.zeros(1, 40, 40, dtype=torch.uint8)

    # 64 is twice as fast an image as 16, and decoding takes four times as long as the network.
    plan = warmup.make_plan(paths, decode, fake)
    assert plan.batch_size == 64
    assert plan.workers == min(6, max(1, (warmup.os.cpu_count() or 2) - 1))
    assert warmup.make_plan(paths, decode, fake, batch_size=5, workers=0) == warmup.Plan(5, 0)
    assert warmup.make_plan(paths[:3], decode, fake).batch_size == warmup.DEFAULT_BATCH
    seconds[64] = 0.64
    assert warmup.make_plan(paths, decode, fake).batch_size == 16


def test_a_measured_plan_gives_the_same_numbers(files, monkeypatch):
    paths, _ = files
    expected = make().transform(paths)
    monkeypatch.setattr(warmup, "MEASURE_FROM", 10)
    np.testing.assert_array_equal(make(batch_size=None, workers=None).transform(paths), expected)


def test_compiling_that_fails_falls_back(files, monkeypatch):
    paths, _ = files

    def no_compiler(network, **options):
        def call(pixels):
            raise RuntimeError("no working C++ compiler")

        return call

    monkeypatch.setattr(forward_module.torch, "compile", no_compiler)
    np.testing.assert_array_equal(make(compile=True).transform(paths), make().transform(paths))


def test_compiling_is_on_where_it_pays():
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert not pays_to_compile(2_624, cpu) and pays_to_compile(41_000, cpu)
    assert pays_to_compile(41_000, cuda) and not pays_to_compile(10**6, torch.device("mps"))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_gives_the_same_embeddings(files):
    paths, _ = files
    cpu = make(precision="float32", device="cpu").transform(paths)
    gpu = make(precision="bfloat16", device="cuda").transform(paths)
    cosine = (cpu * gpu).sum(1) / np.linalg.norm(cpu, axis=1) / np.linalg.norm(gpu, axis=1)
    assert cosine.min() >= 0.999


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_decodes_jpeg_files_itself(write_image):
    images, _ = spots(6, 64)
    paths = [write_image(f"f{i}.jpg", image, quality=95) for i, image in enumerate(images)]
    cpu = make(precision="float32", device="cpu").transform(paths)
    gpu = make(precision="float32", device="cuda").transform(paths)
    cosine = (cpu * gpu).sum(1) / np.linalg.norm(cpu, axis=1) / np.linalg.norm(gpu, axis=1)
    assert cosine.min() >= 0.999

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import spots

from features.backbones.registry import Backbone
from features.errors import InputError
from features.extract import cached as cached_module
from features.extract.cached import CachedExtractor, hash_files
from features.extract.extractor import Extractor
from features.store import parts
from features.store import store as store_module
from features.store.parts import to_matrix
from features.store.store import EmbeddingKey, EmbeddingStore


def key(**changes):
    values = {
        "backbone": "tiny",
        "weights": "random",
        "weights_sha256": "0" * 64,
        "dim": 6,
        "transform": {"size": 64, "preprocess": "none"},
        "versions": {"torch": 2},
    }
    return EmbeddingKey(**{**values, **changes})


def rows(n, dim=6, start=0):
    contents = [f"{i:032x}" for i in range(start, start + n)]
    return contents, np.random.default_rng(start).normal(size=(n, dim)).astype(np.float32)


def fill(store, *parts, **changes):
    collection = store.collection(key(**changes))
    for contents, matrix in parts:
        with collection.lock():
            collection.append(contents, matrix, image_ids=[f"i{c[-4:]}" for c in contents])
    return collection


@pytest.fixture
def store(tmp_path):
    return EmbeddingStore(tmp_path / "store")


def test_what_is_written_is_read_in_any_order(store):
    (a, x), (b, y) = rows(5), rows(7, start=5)
    collection = fill(store, (a, x), (b, y))
    asked = [b[3], a[0], a[4], b[3]]
    np.testing.assert_array_equal(collection.read(asked), np.stack([y[3], x[0], x[4], y[3]]))
    with pytest.raises(KeyError, match="1 of 2 images"):
        collection.read([a[0], "f" * 32])
    assert list(collection.missing([a[1], "e" * 32, "d" * 32, "e" * 32])) == [1, 2]


@pytest.mark.parametrize("storage", ["float32", "float16"])
@pytest.mark.parametrize("library", ["pandas", "polars", "duckdb"])
def test_other_libraries_read_the_parts_as_they_are(store, storage, library):
    contents, matrix = rows(9)
    collection = fill(store, (contents, matrix), storage=storage)
    path = str(collection.parts()[0].path)
    if library == "pandas":
        found = np.stack(pd.read_parquet(path)["embedding"].to_numpy())
    elif library == "polars":
        found = pytest.importorskip("polars").read_parquet(path)["embedding"].to_numpy()
    else:
        duckdb = pytest.importorskip("duckdb")
        listed = duckdb.sql(f"select embedding::float[6] as e from '{path}'").fetchall()
        found = np.array([row[0] for row in listed])
    np.testing.assert_array_equal(np.asarray(found, np.float32), matrix.astype(storage).astype(np.float32))


def test_the_column_is_a_fixed_size_list_without_dictionary(store):
    path = fill(store, rows(4)).parts()[0].path
    field = pq.read_schema(path).field("embedding")
    assert field.type == pa.list_(pa.field("item", pa.float32(), nullable=False), 6)
    columns = pq.read_metadata(path).row_group(0)
    for number in range(columns.num_columns):
        column = columns.column(number)
        assert column.compression == "ZSTD" and "DICTIONARY" not in str(column.encodings)


def test_slices_are_respected():
    matrix = np.arange(24, dtype=np.float32).reshape(6, 4)
    whole = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), 4)
    np.testing.assert_array_equal(to_matrix(whole[2:5]), matrix[2:5])
    chunked = pa.chunked_array([whole[1:3], whole[5:6]])
    np.testing.assert_array_equal(to_matrix(chunked), matrix[[1, 2, 5]])


@pytest.mark.parametrize("change", [
    {"precision": "float32"}, {"backbone": "other"}, {"weights_sha256": "1" * 64},
    {"transform": {"size": 64, "preprocess": "I"}}, {"storage": "float16"}, {"versions": {"torch": 3}},
    {"device": "cuda"}, {"device": "mps"},
])  # fmt: skip
def test_another_key_is_another_place(store, change):
    contents, matrix = rows(3)
    fill(store, (contents, matrix))
    assert len(store.collection(key(**change)).missing(contents)) == 3


def test_keys_are_the_same_in_every_process():
    code = (
        "import json,sys; from features.store import EmbeddingKey;"
        "print(EmbeddingKey(**json.loads(sys.argv[1])).folder)"
    )
    folders = {
        subprocess.run(
            [sys.executable, "-c", code, json.dumps(key().as_dict())],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert folders == {key().folder}


def test_embeddings_of_before_the_device_was_recorded_are_found_by_cpu_runs():
    # The folder that the program of before gave this key.
    assert key().folder == "tiny-random-64-1c9dae0f4ecc6e2a"
    assert key(device="unknown").folder == key(device="cpu").folder == key().folder
    assert len({key(device=name).folder for name in ("cpu", "cuda", "mps")}) == 3


def test_a_part_of_before_the_decoder_and_the_machine_were_recorded_is_read_and_merged(store, monkeypatch):
    contents, matrix = rows(5)
    collection = store.collection(key())
    collection.path.mkdir(parents=True)
    text = pa.table({"image_id": contents, "label": [""] * 5, "content": contents})
    parts.write_part(collection.path, text, matrix, seconds=2.0)
    np.testing.assert_array_equal(collection.read(contents), matrix)
    assert np.isnan(collection.microseconds_per_image)
    monkeypatch.setattr(store_module, "PART_ROWS", 12)
    more, other = rows(3, start=5)
    with collection.lock():
        collection.append(more, other, decoders=["nvjpeg", "pillow", "pillow"], seconds=3e-3)
        collection.append(*rows(4, start=8))
    (part,) = collection.parts()
    table = pq.read_table(part.path)
    assert table.column("decoder").to_pylist().count("") == 9
    assert table.column("decoder").to_pylist().count("pillow") == 2
    np.testing.assert_array_equal(collection.read(contents + more), np.concatenate([matrix, other]))
    assert collection.microseconds_per_image == pytest.approx(1000)


def test_times_per_image_are_only_those_measured_on_this_machine(store, monkeypatch):
    monkeypatch.setattr(store_module, "PART_ROWS", 30)
    collection = store.collection(key())
    for number, (machine, seconds) in enumerate([("here", 1.0), ("elsewhere", 100.0), ("here", 2.0)]):
        monkeypatch.setattr(store_module, "this_machine", lambda machine=machine: machine)
        contents, matrix = rows(10, start=10 * number)
        with collection.lock():
            collection.append(contents, matrix, seconds=seconds)
        if number == 1:
            assert collection.microseconds_per_image == 1e7
    assert len(collection.parts()) == 1 and collection.microseconds_per_image == pytest.approx(1.5e5)
    monkeypatch.setattr(store_module, "this_machine", lambda: "a third one")
    assert np.isnan(store.collection(key()).microseconds_per_image)


@pytest.mark.parametrize("value", [65_520.0, -1e6])
def test_float16_storage_refuses_what_overflows_and_names_the_image(store, value):
    contents, matrix = rows(4)
    matrix[2, 3] = value
    with pytest.raises(InputError, match=r"embedding of i0002 \(1 of 4 images\): .*beyond float16") as caught:
        fill(store, (contents, matrix), storage="float16")
    assert "store float32" in str(caught.value)
    fill(store, (contents, matrix), storage="float32")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_embeddings_that_are_not_finite_are_refused_and_name_the_weights(store, value, storage):
    contents, matrix = rows(4)
    matrix[1:, 3] = value
    with pytest.raises(
        InputError, match=r"i0001 \(3 of 4 images\): NaN or inf.* from tiny with weights random"
    ):
        fill(store, (contents, matrix), storage=storage, precision="float16")


def test_small_parts_are_merged(store, monkeypatch):
    monkeypatch.setattr(store_module, "PART_ROWS", 20)
    collection = store.collection(key())
    everything = [rows(6, start=6 * i) for i in range(7)]
    for contents, matrix in everything:
        with collection.lock():
            collection.append(contents, matrix)
    assert len(collection.parts()) < 7 and collection.rows == 42
    contents = [c for part, _ in everything for c in part]
    np.testing.assert_array_equal(collection.read(contents), np.concatenate([m for _, m in everything]))
    assert len(list(collection.path.glob("part-*.parquet"))) == len(collection.parts())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_found_and_only_its_part_is_lost(tmp_path_factory, where, bit):
    store = EmbeddingStore(tmp_path_factory.mktemp("store"))
    collection = fill(store, rows(5), rows(5, start=5))
    parts = collection.parts()
    path = parts[0].path
    lost = parts[0].contents().to_pylist()
    data = bytearray(path.read_bytes())
    data[int(where * len(data))] ^= 1 << bit
    path.write_bytes(data)
    warned = []
    again = store.collection(key())
    again.warn = warned.append
    contents = rows(5)[0] + rows(5, start=5)[0]
    assert sorted(contents[i] for i in again.missing(contents)) == sorted(lost)
    assert len(warned) == 1 and path.name in warned[0] and "set aside" in warned[0]
    assert (collection.path / "damaged" / path.name).is_file()


def test_a_part_that_lost_its_end_or_is_a_stranger_is_set_aside(store):
    collection = fill(store, rows(5))
    path = collection.parts()[0].path
    path.write_bytes(path.read_bytes()[:-10])
    (collection.path / "part-deadbeef.parquet").write_text("no parquet")
    assert len(store.collection(key()).missing(rows(5)[0])) == 5


def test_streams_hold_a_block_at_a_time(store):
    collection = fill(store, rows(50), rows(13, start=50))
    blocks = list(collection.stream(16))
    assert max(len(contents) for contents, _ in blocks) <= 16
    seen = {c: row for contents, matrix in blocks for c, row in zip(contents, matrix, strict=True)}
    asked = rows(50)[0] + rows(13, start=50)[0]
    np.testing.assert_array_equal(np.stack([seen[c] for c in asked]), collection.read(asked))


def test_a_full_disk_leaves_the_store_as_it_was(store, monkeypatch):
    collection = fill(store, rows(5))

    def full(handle):
        raise OSError(28, "No space left on device", "store")

    monkeypatch.setattr("features.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fill(store, rows(5, start=5))
    monkeypatch.undo()
    again = store.collection(key())
    assert again.rows == 5 and not list(collection.path.glob(".part*"))


@pytest.fixture
def tmpfs(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield folder
    # Lazily: a mapped part may still be open.
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_really_full_disk_leaves_the_store_valid(tmpfs):
    store = EmbeddingStore(tmpfs)
    fill(store, rows(50, dim=512), dim=512)
    with pytest.raises(OSError, match=r"(?i)no space left"):
        for i in range(1, 20):
            fill(store, rows(200, dim=512, start=1000 * i), dim=512)
    again = store.collection(key(dim=512))
    np.testing.assert_array_equal(again.read(rows(50)[0]), rows(50, dim=512)[1])


def test_removing_and_measuring(store):
    collection = fill(store, rows(5))
    assert collection.size_bytes > 0 and collection.idle_days < 0.01
    path = collection.parts()[0].path
    path.write_bytes(b"junk")
    again = store.collection(key())
    assert again.rows == 0 and again.damaged_bytes == 4
    again.remove(only_damaged=True)
    assert again.damaged_bytes == 0 and again.path.is_dir()
    again.remove()
    assert store.collections() == []


def test_a_foreign_key_file_is_named(store):
    fill(store, rows(2))
    path = next(store.root.glob("*/key.json"))
    path.write_text("{}")
    with pytest.raises(InputError, match=r"key\.json: not an embedding key"):
        store.collections()


# -- many processes, killed processes ---------------------------------------------------------------


class Tiny(torch.nn.Module):
    """A network that leaves a line in a file for each image it sees."""

    def __init__(self, log, pause):
        super().__init__()
        self.log, self.pause = log, pause
        self.weight = torch.nn.Parameter(torch.linspace(-1, 1, 6))

    def forward(self, images):
        time.sleep(self.pause)
        with Path(self.log).open("a") as file:
            file.write("".join(f"{float(image.sum()):.3f}\n" for image in images))
        return images.mean(dim=(1, 2, 3))[:, None] * self.weight


def extractor_of(folder, log, pause=0.0):
    backbone = Backbone("tiny", "random", "2" * 64, Tiny(log, pause), 6)
    extractor = Extractor(backbone, size=16, workers=0, batch_size=4, precision="float32", device="cpu")
    return CachedExtractor(extractor, EmbeddingStore(folder))


@pytest.fixture
def images(write_image):
    pixels, _ = spots(40, 16)
    return [write_image(f"f{i:02d}.png", image) for i, image in enumerate(pixels)]


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(cached_module, "FLUSH_ROWS", 4)
    monkeypatch.setattr(store_module, "PART_ROWS", 12)


def in_child(work):
    """Run `work` in a forked process; return its number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def test_thirty_kills_lose_and_repeat_nothing(images, small_parts, tmp_path):
    expected = extractor_of(tmp_path / "undisturbed", tmp_path / "log0").transform(images)
    rng = np.random.default_rng(0)
    folder = tmp_path / "killed"
    killed = 0
    for _ in range(30):
        child = in_child(lambda: extractor_of(folder, tmp_path / "log1", 0.01).transform(images))
        time.sleep(rng.uniform(0.0, 0.09))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
    assert killed >= 5
    cached = extractor_of(folder, tmp_path / "log2")
    np.testing.assert_array_equal(cached.transform(images), expected)
    collection = cached.collection()
    stored = [c for part in collection.parts() for c in part.contents().to_pylist()]
    assert sorted(stored) == sorted(hash_files(images))
    assert not list(collection.path.glob(".part*"))


def test_two_processes_share_the_work(images, small_parts, tmp_path):
    expected = extractor_of(tmp_path / "alone", tmp_path / "log0").transform(images)
    folder = tmp_path / "shared"
    children = [
        in_child(lambda: extractor_of(folder, tmp_path / "log", 0.005).transform(images)) for _ in range(2)
    ]
    for child in children:
        _, status = os.waitpid(child, 0)
        assert status == 0
    assert len((tmp_path / "log").read_text().splitlines()) == len(images)
    cached = extractor_of(folder, tmp_path / "log2")
    np.testing.assert_array_equal(cached.transform(images), expected)
    assert not (tmp_path / "log2").exists()
    assert cached.collection().rows == len(images)


def test_a_damaged_part_is_embedded_again_alone(images, small_parts, tmp_path):
    cached = extractor_of(tmp_path / "store", tmp_path / "log1")
    expected = cached.transform(images)
    part = cached.collection().parts()[0]
    data = bytearray(part.path.read_bytes())
    data[len(data) // 2] ^= 255
    part.path.write_bytes(data)
    warned = []
    again = extractor_of(tmp_path / "store", tmp_path / "log2")
    np.testing.assert_array_equal(again.transform(images, warn=warned.append), expected)
    assert len((tmp_path / "log2").read_text().splitlines()) == part.rows
    assert len(warned) == 1 and "damaged" in warned[0]

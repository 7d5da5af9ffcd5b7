"""A collection that another process changes while it is read."""

import numpy as np
import pytest

from features.store import store as store_module
from features.store.store import EmbeddingCollection, EmbeddingKey, EmbeddingStore

_LOOKS = {
    "read": lambda reader, contents: reader.read(contents),
    "stream": lambda reader, contents: np.concatenate([block for _, block in reader.stream()])[:8],
    "missing": lambda reader, contents: reader.missing(contents).size == 0 and reader.read(contents),
    "size": lambda reader, contents: reader.size_bytes > 0 and reader.read(contents),
}


@pytest.mark.parametrize("look", _LOOKS.values(), ids=_LOOKS)
def test_what_another_process_merges_while_it_is_read_is_read_again(look, tmp_path, monkeypatch):
    contents = [f"{i:032x}" for i in range(12)]
    matrix = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)
    key = EmbeddingKey(
        backbone="tiny", weights="random", weights_sha256="0" * 64, dim=6,
        transform={"size": 64, "preprocess": "none"}, versions={"torch": 2},
    )  # fmt: skip
    writer, reader = (EmbeddingStore(tmp_path / "store").collection(key) for _ in range(2))
    monkeypatch.setattr(store_module, "PART_ROWS", 12)
    list_parts = EmbeddingCollection.parts

    def write(start):
        with writer.lock():
            writer.append(contents[start : start + 4], matrix[start : start + 4])

    def parts_then_merge(collection):
        """List the parts; the third part, written then, makes the writer merge and remove them."""
        found = list_parts(collection)
        if collection is reader and len(found) == 2:
            write(8)
        return found

    write(0)
    write(4)
    monkeypatch.setattr(EmbeddingCollection, "parts", parts_then_merge)
    np.testing.assert_array_equal(look(reader, contents[:8]), matrix[:8])
    assert len(list_parts(reader)) == 1

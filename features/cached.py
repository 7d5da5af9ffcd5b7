"""The extractor behind its store: same calls, each image embedded once."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import version

import numpy as np

from features.errors import InputError
from features.extractor import EmbeddedBatch, Extractor, raise_problems
from features.files import content_hash
from features.images import read_bytes
from features.store import EmbeddingCollection, EmbeddingKey, EmbeddingStore

FLUSH_ROWS = 1024
FLUSH_SECONDS = 20.0


class CachedExtractor:
    """An `Extractor` whose answers come from an `EmbeddingStore` where they are there already.

    Parameters
    ----------
    extractor : Extractor
        What embeds the images that are not in the store.
    store : EmbeddingStore
        Where embeddings are kept.
    storage : {"float32", "float16"}
        The type they are kept in.
    """

    def __init__(self, extractor: Extractor, store: EmbeddingStore, storage: str = "float32"):
        self.extractor = extractor
        self.store = store
        self.storage = storage

    @property
    def key(self) -> EmbeddingKey:
        """The key that this extractor's embeddings are stored under."""
        backbone = self.extractor.load()
        return EmbeddingKey(
            backbone=backbone.name,
            weights=backbone.weights,
            weights_sha256=backbone.sha256,
            dim=backbone.dim,
            transform=asdict(self.extractor.transform_spec),
            precision=self.extractor.precision,
            storage=self.storage,
            versions={name: int(version(name).split(".")[0]) for name in ("torch", "torchvision", "pillow")},
        )

    def collection(self, warn: Callable[[str], None] | None = None) -> EmbeddingCollection:
        """Return the part of the store that belongs to this extractor."""
        collection = self.store.collection(self.key)
        collection.warn = warn or collection.warn
        return collection

    def transform(
        self,
        X: Sequence[str],
        *,
        image_ids: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        progress: Callable[[int], None] | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> np.ndarray:
        """Embed files, or read what was embedded before.

        Parameters
        ----------
        X : sequence of str
            Paths. A file that was renamed since is found by its content.
        image_ids, labels : sequence of str, optional
            Written beside new embeddings, for people who open the Parquet files.
        progress : callable, optional
            Called with the number of images done.
        warn : callable, optional
            Called with one line when a damaged part is found, or another process is waited for.

        Returns
        -------
        array of the storage type, shape (len(X), dim)

        Raises
        ------
        InputError
            When images cannot be decoded; those that can be are stored all the same.
        """
        if len(X) == 0:
            raise InputError("empty image list: nothing to embed")
        contents = hash_files(X)
        collection = self.collection(warn)
        if len(collection.missing(contents)):
            with collection.lock(lambda: warn and warn(f"waiting for another process: {collection.path}")):
                self._embed(collection, X, contents, image_ids, labels, progress)
        elif progress is not None:
            progress(len(X))
        return collection.read(contents)

    def _embed(
        self,
        collection: EmbeddingCollection,
        X: Sequence[str],
        contents: list[str],
        image_ids: Sequence[str] | None,
        labels: Sequence[str] | None,
        progress: Callable[[int], None] | None,
    ) -> None:
        missing = collection.missing(contents)
        stored = len(X) - len(missing)
        names = image_ids if image_ids is not None else X
        kinds = labels if labels is not None else [""] * len(X)
        pending: list[EmbeddedBatch] = []
        problems: list[tuple[int, str]] = []
        flushed = time.perf_counter()

        def flush() -> None:
            nonlocal flushed
            rows = [int(missing[row]) for batch in pending for row in batch.rows]
            if rows:
                collection.append(
                    [content for batch in pending for content in batch.contents],
                    np.concatenate([batch.embeddings for batch in pending]),
                    image_ids=[str(names[row]) for row in rows],
                    labels=[str(kinds[row]) for row in rows],
                    seconds=sum(batch.seconds for batch in pending),
                )
            pending.clear()
            flushed = time.perf_counter()

        report = (lambda done: progress(stored + done)) if progress is not None else None
        if len(missing):
            for batch in self.extractor.batches([X[row] for row in missing], report):
                pending.append(batch)
                problems += [(int(missing[row]), reason) for row, reason in batch.problems]
                full = sum(len(batch.rows) for batch in pending) >= FLUSH_ROWS
                if full or time.perf_counter() - flushed > FLUSH_SECONDS:
                    flush()
            flush()
        raise_problems(problems, X)


def hash_files(paths: Sequence[str]) -> list[str]:
    """Return the content hash of each file; an unreadable one gets a hash that no file has."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(_hash_file, paths, chunksize=16))


def _hash_file(path: str) -> str:
    try:
        return content_hash(read_bytes(path))
    except InputError:
        return f"unreadable:{path}"

"""An extractor with a store: the same calls, and each image is embedded once."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from features.chunks import chunks
from features.errors import InputError
from features.extract.extractor import EmbeddedBatch, Extractor, start_batch, tell_refused
from features.extract.forward import choose_device
from features.pixels.decode import raise_problems
from features.pixels.images import file_content, read_bytes
from features.pixels.inputs import check_images
from features.store.key import as_stored
from features.store.locks import StoreBusy, patience_for
from features.store.store import EmbeddingCollection, EmbeddingKey, EmbeddingStore

FLUSH_ROWS = 1024
FLUSH_SECONDS = 20.0
_HASHED_AT_ONCE = 100
_WAITING = "waiting for another process: {}"
_SHORTEST_WAIT = 0.5


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
            device=choose_device(self.extractor.device).type,
            storage=self.storage,
            versions={
                **{name: int(version(name).split(".")[0]) for name in ("torch", "torchvision", "pillow")},
                **({"nvjpeg": 1} if self.extractor.decodes_on_device else {}),
            },
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
        return transform_together(
            [self], X, image_ids=image_ids, labels=labels, progress=progress, warn=warn
        )[0]


def transform_together(
    extractors: Sequence[CachedExtractor],
    X: Sequence[str],
    *,
    image_ids: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    progress: Callable[[int], None] | None = None,
    warn: Callable[[str], None] | None = None,
) -> list[np.ndarray]:
    """Embed files with several networks, each file read and decoded once.

    Parameters
    ----------
    extractors : sequence of CachedExtractor
        With the same preprocessing; their networks, sizes and stores may differ.
    X, image_ids, labels, progress, warn
        As for `CachedExtractor.transform`.

    Returns
    -------
    list of array
        One for each extractor.

    Raises
    ------
    InputError
        When images cannot be decoded; those that can be are stored all the same.
    ValueError
        When the extractors do not share their preprocessing.
    """
    if len({each.extractor.preprocess for each in extractors}) > 1:
        raise ValueError("extractors that share a decode pass must share their preprocessing")
    if len(X) == 0:
        raise InputError("empty image list: nothing to embed")
    X = _check_files(X)
    say = warn or (lambda line: None)
    contents = hash_files(X)
    collections = [each.collection(warn) for each in extractors]
    incomplete = [
        pair for pair in zip(extractors, collections, strict=True) if len(pair[1].missing(contents))
    ]
    unsaved: dict[Path, dict[str, np.ndarray]] = {}
    if incomplete:
        with ExitStack() as claims:
            # In one order for every process, so that two never wait for each other.
            for path, collection in sorted({c.path: c for _, c in incomplete}.items()):
                claims.enter_context(collection.claim(contents, partial(say, _WAITING.format(path))))
            unsaved = _embed(incomplete, X, contents, image_ids, labels, progress, say)
    elif progress is not None:
        progress(len(X))
    return [_read(collection, contents, unsaved.get(collection.path, {})) for collection in collections]


def _check_files(X: Sequence[str]) -> list[str]:
    images = check_images(X)
    if any(isinstance(image, np.ndarray) for image in images):
        raise InputError("embeddings of pixels are not cached: pass files, or use Extractor.transform")
    return [str(image) for image in images]


def _read(collection: EmbeddingCollection, contents: list[str], unsaved: dict[str, np.ndarray]) -> np.ndarray:
    """Read embeddings; those that another process kept from being stored come from memory."""
    if not unsaved:
        return collection.read(contents)
    out = np.empty((len(contents), collection.key.dim), collection.dtype)
    stored = [row for row, content in enumerate(contents) if content not in unsaved]
    out[stored] = collection.read([contents[row] for row in stored])
    for row, content in enumerate(contents):
        if content in unsaved:
            out[row] = unsaved[content]
    return out


def _embed(
    incomplete: list[tuple[CachedExtractor, EmbeddingCollection]],
    X: Sequence[str],
    contents: list[str],
    image_ids: Sequence[str] | None,
    labels: Sequence[str] | None,
    progress: Callable[[int], None] | None,
    say: Callable[[str], None],
) -> dict[Path, dict[str, np.ndarray]]:
    """Embed and store what is missing; return what could not be stored, by collection and content."""
    missing = [collection.missing(contents) for _, collection in incomplete]
    rows = np.unique(np.concatenate(missing))
    if not len(rows):
        return {}
    names = image_ids if image_ids is not None else X
    classes = labels if labels is not None else [""] * len(X)
    writers = [_Writer(collection, rows, names, classes) for _, collection in incomplete]
    # Positions among the rows decoded now that each network still needs.
    wanted = [set(np.searchsorted(rows, each).tolist()) for each in missing]
    forwards = [each.extractor.forward(len(rows)) for each, _ in incomplete]
    problems: list[tuple[int, str]] = []
    refused: list[str] = []
    done = len(X) - len(rows)
    for batch in incomplete[0][0].extractor.decoded([X[row] for row in rows], forwards[0]):
        refused += [X[rows[row]] for row in batch.refused]
        problems += [(int(rows[row]), reason) for row, reason in batch.problems]
        answers = [
            start_batch(forward, batch, _only(batch.stacks, needed))
            for forward, needed in zip(forwards, wanted, strict=True)
        ]
        for writer, answer in zip(writers, answers, strict=True):
            writer.add(answer())
        done += batch.images
        if progress is not None:
            progress(done)
    if refused:
        say(tell_refused(refused))
    unsaved = {writer.collection.path: writer.finish(say) for writer in writers}
    raise_problems(problems, X)
    return unsaved


def _only(
    stacks: list[tuple[list[int], torch.Tensor]], needed: set[int]
) -> list[tuple[list[int], torch.Tensor]]:
    """Leave the rows that are needed."""
    kept = []
    for rows, pixels in stacks:
        chosen = [position for position, row in enumerate(rows) if row in needed]
        if len(chosen) == len(rows):
            kept.append((rows, pixels))
        elif chosen:
            kept.append(([rows[position] for position in chosen], pixels[chosen]))
    return kept


class _Writer:
    """Gathers batches and writes them as parts, large ones or at intervals.

    A part waits for the next one while another process holds the lock of the collection.
    """

    def __init__(
        self, collection: EmbeddingCollection, rows: np.ndarray, names: Sequence[str], labels: Sequence[str]
    ):
        self.collection, self.rows, self.names, self.labels = collection, rows, names, labels
        self.pending: list[EmbeddedBatch] = []
        self.known = self._stored_parts()
        self.flushed = time.perf_counter()

    def add(self, batch: EmbeddedBatch) -> None:
        self.pending.append(batch)
        full = sum(len(each.rows) for each in self.pending) >= FLUSH_ROWS
        if full or time.perf_counter() - self.flushed > FLUSH_SECONDS:
            with suppress(StoreBusy):
                self.flush(_SHORTEST_WAIT)
            self.flushed = time.perf_counter()

    def finish(self, say: Callable[[str], None]) -> dict[str, np.ndarray]:
        """Write the rest; return what could not be stored, by content."""
        images = sum(len(batch.rows) for batch in self.pending)
        try:
            self.flush(patience_for(images))
        except StoreBusy as error:
            say(f"{error}; {images} embeddings are used but not stored")
            return {
                content: embedding
                for batch in self.pending
                for content, embedding in zip(
                    batch.contents,
                    as_stored(batch.embeddings, self.collection.key, batch.contents),
                    strict=True,
                )
            }
        return {}

    def flush(self, patience: float) -> None:
        """Write what is pending as a part; `StoreBusy` when the lock cannot be had."""
        if not any(len(batch.rows) for batch in self.pending):
            return
        with self.collection.lock(patience=patience):
            self._append()
            self.known = self._stored_parts()
        self.pending.clear()

    def _append(self) -> None:
        rows = np.array([int(self.rows[row]) for batch in self.pending for row in batch.rows])
        contents = [content for batch in self.pending for content in batch.contents]
        decoders = [decoder for batch in self.pending for decoder in batch.decoders]
        embeddings = np.concatenate([batch.embeddings for batch in self.pending])
        kept = np.arange(len(rows))
        if self._stored_parts() != self.known:
            # Another process has stored parts meanwhile, perhaps with the same images.
            kept = self.collection.missing(contents)
        seconds = sum(batch.seconds for batch in self.pending)
        self.collection.append(
            [contents[row] for row in kept],
            embeddings[kept],
            image_ids=[str(self.names[row]) for row in rows[kept]],
            labels=[str(self.labels[row]) for row in rows[kept]],
            decoders=[decoders[row] for row in kept],
            seconds=seconds * len(kept) / len(rows),
        )

    def _stored_parts(self) -> set[str]:
        return {part.path.name for part in self.collection.parts()}


def hash_files(paths: Sequence[str]) -> list[str]:
    """Return the content hash of each file; an unreadable one gets a hash that no file has."""
    # By the hundred: a future for every file would take more memory than the hashes.
    slices = [paths[rows] for rows in chunks(len(paths), _HASHED_AT_ONCE)]
    with ThreadPoolExecutor() as pool:
        return [found for hashes in pool.map(_hash_slice, slices) for found in hashes]


def _hash_slice(paths: Sequence[str]) -> list[str]:
    return [_hash_file(path) for path in paths]


def _hash_file(path: str) -> str:
    try:
        return file_content(read_bytes(path))
    except InputError:
        return f"unreadable:{path}"

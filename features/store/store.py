"""The Parquet store of embeddings: each image is embedded once, and no finished embedding is lost.

A store is a folder with one folder per key (network, weights, transform, precision, device, versions).
It holds `key.json` and immutable parts `part-<sha256>.parquet`. A part's name is the hash of its bytes,
so that a damaged or half-written part is recognised. A process locks a collection only while it writes
one part; embedding needs no lock.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.cache_folder import cache_folder
from features.errors import InputError
from features.files import write_text
from features.store.key import EmbeddingKey, as_stored
from features.store.locks import EMBEDDING, WRITING, StoreBusy, claimed, held
from features.store.machine import this_machine
from features.store.parts import DAMAGED, Measured, Part, set_aside, write_part

T = TypeVar("T")

PART_ROWS = 32_768
STORAGE_TYPES = ("float32", "float16")

__all__ = ["EmbeddingCollection", "EmbeddingKey", "EmbeddingStore", "StoreBusy", "open_store"]


def open_store(cache: str | Path | None = None) -> "EmbeddingStore":
    """Return the store in a folder of caches; see `features.cache_folder.cache_folder`."""
    return EmbeddingStore(cache_folder(cache) / "embeddings")


class EmbeddingStore:
    """A folder of embedding collections, one per key.

    Parameters
    ----------
    root : str or Path
        The folder; made when the first part is written.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root).expanduser()

    def collection(self, key: EmbeddingKey) -> "EmbeddingCollection":
        """Return the collection of one key, which may be empty."""
        return EmbeddingCollection(self.root / key.folder, key)

    def collections(self) -> list["EmbeddingCollection"]:
        """Return every collection in the store."""
        found = []
        for path in sorted(self.root.glob("*/key.json")):
            try:
                key = EmbeddingKey(**json.loads(path.read_text()))
            except (ValueError, TypeError) as error:
                raise InputError(f"{path}: not an embedding key ({error}); remove its folder") from None
            found.append(EmbeddingCollection(path.parent, key))
        return found


class EmbeddingCollection:
    """The embeddings of one key.

    Parameters
    ----------
    path : Path
        Its folder.
    key : EmbeddingKey
        What the embeddings were made with.
    warn : callable, optional
        Called with one line when a damaged part is set aside.
    """

    def __init__(self, path: Path, key: EmbeddingKey, warn: Callable[[str], None] | None = None):
        if key.storage not in STORAGE_TYPES:
            raise InputError(f"storage {key.storage!r}: choose one of {', '.join(STORAGE_TYPES)}")
        self.path = path
        self.key = key
        self.warn = warn or (lambda line: None)
        self._verified: dict[str, Part] = {}

    @cached_property
    def dtype(self) -> np.dtype:
        """The type that the values are stored in."""
        return np.dtype(self.key.storage)

    @contextmanager
    def lock(
        self, waiting: Callable[[], None] | None = None, patience: float | None = None
    ) -> Iterator[None]:
        """Hold the collection while one part is written; released when the process dies.

        Parameters
        ----------
        waiting : callable, optional
            Called once when another process holds it.
        patience : float, optional
            Longest wait, seconds; by default there is no limit.

        Raises
        ------
        StoreBusy
            When another process holds it for longer.
        """
        with held(self.path, WRITING, waiting, patience):
            self._tidy()
            yield

    @contextmanager
    def claim(self, contents: Sequence[str], waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Embed images while no other process does; see `features.store.locks.claimed`.

        Parameters
        ----------
        contents : sequence of str
            Content hashes of the images that are needed.
        waiting : callable, optional
            Called once when another process holds the claim.
        """
        with claimed(self.path, lambda: len(self.missing(contents)), waiting):
            yield

    def parts(self) -> list[Part]:
        """Return the sound parts, each verified once by its checksum.

        A part whose bytes do not match its name is moved to `damaged/` and named through `warn`; its
        images count as missing from then on.
        """
        names = {path.name: path for path in self.path.glob("part-*.parquet")}
        unknown = [path for name, path in names.items() if name not in self._verified]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for path, part in zip(unknown, pool.map(Part.open, unknown), strict=True):
                if part is not None:
                    self._verified[path.name] = part
                elif path.exists():
                    moved = set_aside(path)
                    self.warn(f"{path}: damaged, set aside as {moved}; its images are embedded again")
        sound = [self._verified[name] for name in sorted(names) if name in self._verified]
        superseded = {name for part in sound for name in part.supersedes}
        return [part for part in sound if part.path.name not in superseded]

    def missing(self, contents: Sequence[str]) -> np.ndarray:
        """Return the positions in `contents` of hashes not stored; of equal ones, the first only."""
        asked = pa.array(contents, pa.string())
        known = pc.is_in(asked, value_set=self._settled(self._contents))
        absent = np.flatnonzero(~known.to_numpy(zero_copy_only=False))
        codes = asked.take(pa.array(absent)).dictionary_encode().indices.to_numpy()
        _, first = np.unique(codes, return_index=True)
        return absent[np.sort(first)]

    def append(
        self,
        contents: Sequence[str],
        embeddings: np.ndarray,
        *,
        image_ids: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        decoders: Sequence[str] | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Write one part. Call it with the lock held.

        Parameters
        ----------
        contents : sequence of str
            Content hash of each image.
        embeddings : array, shape (n, dim)
        image_ids, labels : sequence of str, optional
            What the images were called when they were embedded; kept for people who open the file.
        decoders : sequence of str, optional
            What decoded each image, `pillow` or `nvjpeg`; kept for people too.
        seconds : float
            Seconds that the forward passes took on this machine.

        Raises
        ------
        InputError
            When an embedding is not finite, or has values that the storage type cannot hold.
        """
        matrix = as_stored(embeddings, self.key, image_ids if image_ids is not None else contents)
        if matrix.shape != (len(contents), self.key.dim):
            raise ValueError(f"embeddings {matrix.shape}, expected {(len(contents), self.key.dim)}")
        if not len(contents):
            return
        self._write_key()
        empty = [""] * len(contents)
        table = pa.table(
            {
                "image_id": pa.array(image_ids or empty, pa.string()),
                "label": pa.array(labels or empty, pa.string()),
                "content": pa.array(contents, pa.string()),
                "decoder": pa.array(decoders or empty, pa.string()),
            }
        )
        measured = {this_machine(): (len(contents), seconds)} if seconds > 0 else {}
        part = write_part(self.path, table, matrix, seconds=seconds, measured=measured)
        self._verified[part.path.name] = part
        self.compact()

    def read(self, contents: Sequence[str]) -> np.ndarray:
        """Read embeddings, in the order asked for.

        Parameters
        ----------
        contents : sequence of str
            Content hashes; repeats are allowed.

        Returns
        -------
        array of the storage type, shape (len(contents), dim)

        Raises
        ------
        KeyError
            When a hash is not stored.
        """
        return self._settled(lambda: self._read(contents))

    def _read(self, contents: Sequence[str]) -> np.ndarray:
        parts = self.parts()
        place = self._places(pa.array(contents, pa.string()), parts)
        missing = int((place < 0).sum())
        if missing:
            raise KeyError(f"{missing} of {len(contents)} images are not in {self.path}")
        out = np.empty((len(contents), self.key.dim), self.dtype)
        order = np.argsort(place, kind="stable")
        groups = [(part, group, rows) for part in parts for group, rows in enumerate(part.groups())]
        starts = np.cumsum([0, *(rows for _, _, rows in groups)])
        ends = np.searchsorted(place[order], starts)

        def read_group(number: int) -> None:
            position = order[ends[number] : ends[number + 1]]
            if len(position):
                part, group, _ = groups[number]
                part.read_group_into(group, out, position, place[position] - starts[number])

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(read_group, range(len(groups))))
        return out

    def stream(self, rows: int = 8192) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yield (contents, embeddings) in blocks of at most `rows`, without loading the rest."""
        # Opened at once: a part that another process merges meanwhile can be read to its end.
        for blocks in self._settled(lambda: [part.stream(rows) for part in self.parts()]):
            yield from blocks

    def compact(self) -> None:
        """Merge small parts once they fill a large one. Call it with the lock held."""
        small = [part for part in self.parts() if part.rows < PART_ROWS // 2]
        if sum(part.rows for part in small) < PART_ROWS:
            return
        tables, matrices = zip(*(part.load() for part in small), strict=True)
        table, matrix = pa.concat_tables(tables), np.concatenate(matrices)
        # Processes that did not wait for each other may have stored the same image.
        _, first = np.unique(table.column("content").to_numpy(), return_index=True)
        if len(first) < len(matrix):
            kept = np.sort(first)
            table, matrix = table.take(kept), matrix[kept]
        merged = write_part(
            self.path,
            table,
            matrix,
            seconds=sum(part.seconds for part in small),
            measured=_joined([part.measured for part in small]),
            supersedes=[part.path.name for part in small],
        )
        self._verified[merged.path.name] = merged
        self._tidy()

    @property
    def rows(self) -> int:
        """Number of rows stored."""
        return sum(part.rows for part in self.parts())

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return self._settled(lambda: sum(part.path.stat().st_size for part in self.parts()))

    @property
    def microseconds_per_image(self) -> float:
        """Mean time of the forward passes on this machine, microseconds per image.

        NaN when all images were embedded elsewhere, or before parts recorded where.
        """
        rows, seconds = _joined([part.measured for part in self.parts()]).get(this_machine(), (0, 0.0))
        return 1e6 * seconds / rows if rows else float("nan")

    @property
    def folder_bytes(self) -> int:
        """Bytes of everything in the folder, set-aside parts included."""
        return self._settled(lambda: _bytes_below(self.path))

    @property
    def damaged_bytes(self) -> int:
        """Bytes of the parts that were set aside."""
        return _bytes_below(self.path / DAMAGED)

    @property
    def idle_days(self) -> float:
        """Days since a part was last written."""
        written = self._settled(lambda: [path.stat().st_mtime for path in self.path.glob("*")])
        return (time.time() - max(written, default=0.0)) / 86_400

    def remove(self, only_damaged: bool = False) -> None:
        """Remove the collection, or only the parts that were set aside, while no process writes to it."""
        with held(self.path, EMBEDDING), self.lock():
            shutil.rmtree(self.path / DAMAGED, ignore_errors=True)
            if not only_damaged:
                self._verified.clear()
                # The key goes last, so that a killed removal is found and finished by the next one.
                for path in [*self.path.glob("part-*.parquet"), self.path / "key.json"]:
                    path.unlink(missing_ok=True)
        if not only_damaged:
            shutil.rmtree(self.path, ignore_errors=True)

    def _places(self, asked: pa.Array, parts: list[Part]) -> np.ndarray:
        """Return where each hash lies, counted over all parts' rows; -1 where it is not stored."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            stored = list(pool.map(Part.contents, parts))
        known = pa.chunked_array(stored, type=pa.string())
        # Read back in the order they were written, as runs do, nothing is to be looked up.
        if len(known) == len(asked) and known.equals(pa.chunked_array([asked])):
            return np.arange(len(asked))
        wanted = pc.index_in(asked, value_set=known.combine_chunks())
        return pc.fill_null(wanted, -1).to_numpy().astype(np.int64)

    def _settled(self, work: Callable[[], T]) -> T:
        """Return `work()`, done again where another process has merged parts since they were listed."""
        while True:
            listed = set(self.path.glob("part-*.parquet"))
            try:
                return work()
            except (FileNotFoundError, KeyError):
                if set(self.path.glob("part-*.parquet")) == listed:
                    raise

    def _contents(self) -> pa.ChunkedArray:
        return pa.chunked_array([part.contents() for part in self.parts()], type=pa.string())

    def _write_key(self) -> None:
        path = self.path / "key.json"
        if not path.exists():
            write_text(path, json.dumps(self.key.as_dict(), indent=2) + "\n")

    def _tidy(self) -> None:
        """Remove what a killed writer left: temporary files, and parts merged into another."""
        for stale in self.path.glob(".part-*.parquet"):
            stale.unlink(missing_ok=True)
        parts = self.parts()
        kept = {part.path.name for part in parts}
        for part in parts:
            for name in set(part.supersedes) - kept:
                (self.path / name).unlink(missing_ok=True)
                self._verified.pop(name, None)


def _joined(measured: Sequence[Measured]) -> Measured:
    """Add up images and seconds by machine."""
    sums: Measured = {}
    for each in measured:
        for machine, (rows, seconds) in each.items():
            before = sums.get(machine, (0, 0.0))
            sums[machine] = (before[0] + rows, before[1] + seconds)
    return sums


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

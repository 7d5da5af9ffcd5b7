"""One immutable Parquet file of embeddings, named by the hash of its bytes."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.files import atomic_path

ROW_GROUP_ROWS = 8192
DAMAGED = "damaged"
_METADATA = b"defectbench"
_TEXT_COLUMNS = ["image_id", "label", "content", "decoder"]

#: Machine to the number of images embedded on it and the seconds that their forward passes took.
Measured = dict[str, tuple[int, float]]


@dataclass(frozen=True)
class Part:
    """A verified part.

    Parameters
    ----------
    path : Path
        `part-<first 32 hex digits of the file's SHA-256>.parquet`.
    rows : int
        Images in it.
    seconds : float
        Seconds that their forward passes took.
    supersedes : tuple of str
        Names of the smaller parts that were merged into this one.
    measured : dict of str to (int, float)
        Machine to images and seconds; empty in parts written before it was recorded.
    """

    path: Path
    rows: int
    seconds: float
    supersedes: tuple[str, ...]
    measured: Measured = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> "Part | None":
        """Verify the checksum and read the footer; None when the part is damaged or gone."""
        try:
            if part_name(path) != path.name:
                return None
            metadata = pq.read_metadata(path)
            extra = json.loads(metadata.metadata[_METADATA])
            measured = {machine: (int(n), float(s)) for machine, (n, s) in extra.get("measured", {}).items()}
            return cls(path, metadata.num_rows, extra["seconds"], tuple(extra["supersedes"]), measured)
        except (OSError, KeyError, TypeError, ValueError, pa.ArrowException):
            return None

    def contents(self) -> pa.Array:
        """Content hash of each row."""
        return self._file().read(columns=["content"]).column("content").combine_chunks()

    def groups(self) -> list[int]:
        """Return the number of rows of each row group."""
        metadata = pq.read_metadata(self.path)
        return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]

    def read_group_into(self, group: int, out: np.ndarray, position: np.ndarray, row: np.ndarray) -> None:
        """Copy the embeddings of `row`, rising and counted within one row group, to `out[position]`."""
        column = self._file().read_row_group(group, columns=["embedding"]).column("embedding")
        _scatter(out, position, to_matrix(column), row)

    def stream(self, rows: int) -> Iterator[tuple[list[str], np.ndarray]]:
        """Open the file and return an iterator of (contents, embeddings) in blocks of at most `rows`."""
        batches = self._file().iter_batches(rows, columns=["content", "embedding"])
        return ((each.column("content").to_pylist(), to_matrix(each.column("embedding"))) for each in batches)

    def load(self) -> tuple[pa.Table, np.ndarray]:
        """Return the text columns and the matrix of the whole part."""
        table = self._file().read()
        if "decoder" not in table.column_names:
            # Parts written before the decoder was recorded.
            table = table.append_column("decoder", pa.array([""] * len(table), pa.string()))
        return table.select(_TEXT_COLUMNS), to_matrix(table.column("embedding"))

    def _file(self) -> pq.ParquetFile:
        # Not pq.read_table, which loads Arrow's dataset module for this.
        return pq.ParquetFile(self.path, memory_map=True)


def to_matrix(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Turn a fixed-size-list column into a matrix without a copy per row.

    Parameters
    ----------
    column : Array or ChunkedArray of fixed_size_list
        May be a slice of a larger array.

    Returns
    -------
    array, shape (rows, list size), of the list's value type
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    width = column.type.list_size
    # flatten() respects a slice's offset and length; .values would give the whole parent array.
    parts = [chunk.flatten().to_numpy(zero_copy_only=True).reshape(-1, width) for chunk in chunks]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty((0, width), column.type.value_type.to_pandas_dtype())


def write_part(
    folder: Path,
    text: pa.Table,
    matrix: np.ndarray,
    *,
    seconds: float,
    supersedes: Sequence[str] = (),
    measured: Measured | None = None,
) -> Part:
    """Write a part under its temporary name, then under the hash of its bytes.

    Embeddings hardly repeat, so dictionaries are off; zstd takes what is left (half of a ReLU's output
    is zero). Byte-stream-split is off: it gained 2% here and polars cannot read it for float16.
    """
    value = pa.from_numpy_dtype(matrix.dtype)
    kind = pa.list_(pa.field("item", value, nullable=False), matrix.shape[1])
    column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), type=kind)
    measured = measured or {}
    extra = {"seconds": seconds, "supersedes": list(supersedes), "measured": measured}
    metadata = {_METADATA: json.dumps(extra)}
    schema = pa.schema([*text.schema, pa.field("embedding", kind, nullable=False)], metadata=metadata)
    table = pa.Table.from_arrays([*text.columns, column], schema=schema)
    staging = folder / ".part-staging.parquet"
    with atomic_path(staging) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            use_dictionary=False,
            write_statistics=["content"],
            row_group_size=ROW_GROUP_ROWS,
        )
    path = folder / part_name(staging)
    staging.rename(path)
    return Part(path, table.num_rows, seconds, tuple(supersedes), measured)


def part_name(path: Path) -> str:
    """Return the name that the bytes of `path` call for."""
    with path.open("rb") as file:
        return f"part-{hashlib.file_digest(file, 'sha256').hexdigest()[:32]}.parquet"


def set_aside(path: Path) -> Path:
    """Move a damaged part to the folder `damaged/` beside it and return where it is."""
    moved = path.parent / DAMAGED / path.name
    moved.parent.mkdir(exist_ok=True)
    path.replace(moved)
    return moved


def _scatter(out: np.ndarray, position: np.ndarray, matrix: np.ndarray, row: np.ndarray) -> None:
    # A run of rows asked for in the stored order is one block copy.
    run = len(row) == row[-1] - row[0] + 1 and len(position) == position[-1] - position[0] + 1
    if run and (np.diff(position) == 1).all() and (np.diff(row) == 1).all():
        out[position[0] : position[-1] + 1] = matrix[row[0] : row[-1] + 1]
    else:
        out[position] = matrix[row]

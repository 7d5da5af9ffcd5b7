"""Files that are either there whole or not there."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HASH_BYTES = 16

_UMASK = os.umask(0)
os.umask(_UMASK)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary name next to `path`; rename it to `path` once the block ends well.

    The data is on the disk before the rename, so after a crash the file is either the old one, the
    new one, or absent. When the block raises, the temporary file is removed and `path` is as it was.

    Parameters
    ----------
    path : str or Path
        Where the file shall be. Missing parent folders are made.

    Yields
    ------
    Path
        The temporary name, with the suffix of `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_UMASK)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_changed(path: str | Path, text: str) -> None:
    """Write `text` as `write_text` does; a file that holds it already keeps its modification time."""
    path = Path(path)
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(path, text)


def content_hash(data: bytes | memoryview) -> str:
    """Return the hash that stands for a file's content: BLAKE2b, 128 bits, 32 hex digits."""
    return hashlib.blake2b(data, digest_size=HASH_BYTES).hexdigest()

"""A run's embeddings and projections for other tools."""

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from bench.engine.context import Context
from bench.jobs import EmbedJob, embeddings_of, read_jobs
from bench.jobs.words import numbered
from bench.run_folder import RunFolder
from features.errors import InputError
from features.files import atomic_path, write_text
from features.pixels.arrays import load_images
from features.store.store import EmbeddingStore
from results.feature_set import FeatureSet
from results.predictions import FEATURE_SET, rows_of

#: What TensorBoard's projector can take.
MOST_POINTS = 100_000
MOST_PIXELS = 8192
_THUMBNAIL = 48
_BREAKS = re.compile(r"[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")


def export_atlas(folder: RunFolder, store: EmbeddingStore, out: str | Path) -> list[Path]:
    """Write one Parquet file for each feature set, as `embedding-atlas` opens it.

    Each row is an image: `image_id`, `path`, `label`, `defect`, `split`, `projection_x` and
    `projection_y` (the last projection's, UMAP), `pca_x` and so on for each projection, a column of
    scores for each model on these features, and `embedding`.

    Returns
    -------
    list of Path
    """
    images, projections, predictions = folder.read_split(), folder.projections(), folder.predictions()
    context = Context(folder.config(), folder, images, store)
    written: list[Path] = []
    for job in _embeddings(folder):
        key = job.features
        frame = images[["image_id", "path", "label", "split"]].assign(defect=images["y"])
        if len(projections):
            own = projections[(projections[FEATURE_SET] == list(key)).all(axis=1)]
            frame = _with_projections(frame, own)
        for row in rows_of(predictions):
            if FeatureSet.of(row.key) == key:
                scores = row.frame.set_index("image_id")["score"]
                frame[_distinct(_score_name(row.key), frame.columns)] = frame["image_id"].map(scores)
        matrix = embeddings_of(job, context).matrix
        column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])
        table = pa.Table.from_pandas(frame, preserve_index=False).append_column("embedding", column)
        path = Path(out) / f"{_distinct(_slug(key), [done.stem for done in written])}.parquet"
        with atomic_path(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        written.append(path)
    return written


def export_projector(folder: RunFolder, store: EmbeddingStore, out: str | Path) -> list[Path]:
    """Write what TensorBoard's embedding projector opens: vectors, labels and a sprite of thumbnails.

    The projector takes 100,000 points and a sprite of 8,192 pixels at most: of more images an even
    selection is written, and thumbnails shrink to fit.

    Returns
    -------
    list of Path
        `projector_config.pbtxt` first.
    """
    images = folder.read_split()
    context = Context(folder.config(), folder, images, store)
    kept = np.linspace(0, len(images) - 1, min(len(images), MOST_POINTS)).round().astype(int)
    chosen = images.iloc[kept]
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    across = math.ceil(math.sqrt(len(kept)))
    side = min(_THUMBNAIL, MOST_PIXELS // across)
    with atomic_path(out / "sprite.png") as temporary:
        _sprite(chosen["path"].tolist(), across, side).save(temporary, "PNG")
    metadata = chosen[["image_id", "label", "split"]]
    write_text(out / "metadata.tsv", as_tsv(metadata))
    blocks, written = [], [out / "projector_config.pbtxt", out / "metadata.tsv", out / "sprite.png"]
    for job in _embeddings(folder):
        key = job.features
        matrix = embeddings_of(job, context).matrix[kept].astype("<f4")
        path = out / f"{_distinct(_slug(key), [done.stem for done in written])}.bytes"
        with atomic_path(path) as temporary:
            temporary.write_bytes(matrix.tobytes())
        written.append(path)
        blocks.append(_block(key.title, path.name, matrix.shape, side))
    write_text(written[0], "".join(blocks))
    return written


def _embeddings(folder: RunFolder) -> list[EmbedJob]:
    done = [job for job in read_jobs(folder) if isinstance(job, EmbedJob) and folder.is_ok(job.id)]
    if not done:
        raise InputError(f"{folder.path}: no finished embeddings to export")
    return done


def _with_projections(frame: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    for name, part in points.groupby("projection", sort=False):
        by_id = part.set_index("image_id")
        slug = str(name).lower().replace("-", "")
        for axis in ("x", "y"):
            frame[f"{slug}_{axis}"] = frame["image_id"].map(by_id[axis])
            frame[f"projection_{axis}"] = frame[f"{slug}_{axis}"]
    return frame


def as_tsv(table: pd.DataFrame) -> str:
    """Return a table as TensorBoard reads it: fields parted by tabs, without quotes or escapes.

    Tabs and line breaks inside a field become spaces, so every line has as many fields as the heading.

    Examples
    --------
    >>> as_tsv(pd.DataFrame({"image_id": ["a\\tb"], "label": ['3" crack']}))
    'image_id\\tlabel\\na b\\t3" crack\\n'
    """
    rows = [list(table.columns), *table.astype(str).to_numpy().tolist()]
    return "".join("\t".join(" ".join(_BREAKS.split(str(field))) for field in row) + "\n" for row in rows)


def _score_name(key: Mapping[str, Any]) -> str:
    others = [
        f"{name} {key[name]}" for name, usual in (("sampling", "all"), ("repeat", 0)) if key[name] != usual
    ]
    return ", ".join([f"score {key['model']}", *others])


def _distinct(name: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken, letter case aside: a number is added to one that is."""
    used = {str(each).casefold() for each in taken}
    return next(each for each in numbered(name) if each.casefold() not in used)


def _slug(key: tuple[str, ...]) -> str:
    """Return a file name; what file systems or command lines treat in a special way becomes `_`."""
    return re.sub(r"[^\w.+-]+", "_", "-".join(part for part in key if part != "none"))


def _sprite(paths: list[str], across: int, side: int) -> Image.Image:
    thumbnails = load_images(paths, size=side)
    cells = np.zeros((across * across, side, side), np.uint8)
    cells[: len(thumbnails)] = thumbnails
    grid = cells.reshape(across, across, side, side).swapaxes(1, 2)
    return Image.fromarray(grid.reshape(across * side, across * side))


def _block(name: str, file: str, shape: tuple[int, ...], side: int) -> str:
    name, file = (text.replace("\\", "\\\\").replace('"', '\\"') for text in (name, file))
    return (
        f'embeddings {{\n  tensor_name: "{name}"\n  tensor_path: "{file}"\n'
        f"  tensor_shape: {shape[0]}\n  tensor_shape: {shape[1]}\n"
        '  metadata_path: "metadata.tsv"\n  sprite {\n    image_path: "sprite.png"\n'
        f"    single_image_dim: {side}\n    single_image_dim: {side}\n  }}\n}}\n"
    )

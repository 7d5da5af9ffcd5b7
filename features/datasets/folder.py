"""Any folder of images with one subfolder per class."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from features.datasets.base import DatasetSpec, ImageDataset
from features.datasets.options import Options
from features.errors import InputError
from features.pixels.images import list_images

_DEFECT_NAMES = ("defect", "defective", "defects", "bad", "bad_1", "ng", "fail", "anomaly", "1")


class FolderOptions(Options):
    """Options of `load`."""

    root: str = Field(description="Folder with one subfolder per class.", json_schema_extra={"flag": True})
    positive: str | tuple[str, ...] | None = Field(
        default=None, description="Defective class or classes.", json_schema_extra={"flag": True}
    )


def load(root: str | Path, positive: str | tuple[str, ...] | None = None) -> ImageDataset:
    """Read a folder with one subfolder per class.

    Parameters
    ----------
    root : str or Path
        The folder. Each visible subfolder is a class and may hold folders of its own.
    positive : str or tuple of str, optional
        The class or classes (comma-separated) that are defects. When not given, a subfolder with a
        usual name for it (defect, bad, ng, ...) is taken.

    Returns
    -------
    ImageDataset
        `image_id` is the path below `root`, without the suffix where that stays unique.

    Raises
    ------
    InputError
        When the folder is missing, holds no class or no image, or `positive` is not one of them.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise InputError(f"{root}: no such directory; give one with a subfolder per class (--root)")
    classes = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise InputError(f"{root}: no subfolders; put the images of each class into its own")
    rows: list[tuple[str, str]] = []
    skipped: list[tuple[str, str]] = []
    for name in classes:
        images, others = list_images(root / name)
        rows += [(str(path), name) for path in images]
        skipped += [(str(path), "not a PNG, JPEG, BMP or TIFF name") for path in others]
    if not rows:
        raise InputError(f"{root}: no PNG, JPEG, BMP or TIFF file in its subfolders")
    table = pd.DataFrame(rows, columns=["path", "label"])
    table.insert(0, "image_id", image_ids([Path(path) for path, _ in rows], root))
    return ImageDataset(
        name="folder",
        table=table,
        classes=tuple(classes),
        positive=choose_positive(classes, positive, root),
        problems=tuple(skipped),
    )


def image_ids(paths: list[Path], root: Path) -> list[str]:
    """Return each path below `root` as an id; suffixes are kept only where they tell files apart."""
    ids = pd.Series([path.relative_to(root).with_suffix("").as_posix() for path in paths])
    whole = pd.Series([path.relative_to(root).as_posix() for path in paths])
    return ids.where(~ids.duplicated(keep=False), whole).tolist()


def choose_positive(
    classes: list[str], positive: str | tuple[str, ...] | None, root: Path
) -> tuple[str, ...]:
    """Return the defective classes: those named, else the one with a usual name."""
    if positive:
        named = positive.split(",") if isinstance(positive, str) else positive
        return tuple(name.strip() for name in named)
    usual = tuple(name for name in classes if name.lower() in _DEFECT_NAMES)
    if not usual:
        raise InputError(
            f"{root}: which class is defective? Name it with --positive, out of: {', '.join(classes)}"
        )
    return usual


def write_example(directory: Path, seed: int) -> dict[str, Any]:
    """Write 40 grey squares, half of them with a bright spot, as PNG, JPEG, BMP and TIFF files."""
    rng = np.random.default_rng(seed)
    for index in range(40):
        pixels = rng.normal(90, 12, (48, 48))
        if index % 2:
            y, x = rng.integers(4, 36, 2)
            pixels[y : y + 8, x : x + 8] += 110
        name = ("good", "scratch")[index % 2]
        suffix = (".png", ".jpg", ".bmp", ".tif")[index // 2 % 4]
        path = directory / name / f"part_{index:03d}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return {"root": str(directory), "positive": "scratch"}


SPEC = DatasetSpec(
    name="folder",
    load=load,
    summary="any directory with one subfolder per class (PNG, JPEG, BMP, TIFF; 8 or 16 bit)",
    write_example=write_example,
    options=FolderOptions,
)

"""One flat folder in which the start of a file's name is its class."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from features.datasets.base import DatasetSpec, ImageDataset
from features.datasets.options import Options
from features.errors import InputError


class PrefixedOptions(Options):
    """Options of `load`."""

    root: str = Field(description="Folder of the images.", json_schema_extra={"flag": True})
    defect_prefix: str = Field(
        default="bad", min_length=1, description="Start of a defective image's name.",
        json_schema_extra={"flag": True},
    )  # fmt: skip


def load(root: str | Path, defect_prefix: str = "bad") -> ImageDataset:
    """Read a folder of PNG files."""
    paths = sorted(Path(root).expanduser().glob("*.png"))
    if not paths:
        raise InputError(f"{root}: no PNG file; give another folder (--root)")
    labels = ["defect" if path.name.startswith(defect_prefix) else "good" for path in paths]
    table = pd.DataFrame(
        {"image_id": [path.stem for path in paths], "path": map(str, paths), "label": labels}
    )
    return ImageDataset(name="prefixed", table=table, classes=("good", "defect"), positive=("defect",))


def write_example(directory: Path, seed: int) -> dict[str, Any]:
    """Write 60 grey squares; the names of those with a bright corner start with `ng`."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for number in range(60):
        pixels = rng.integers(60, 120, (32, 32), dtype=np.uint8)
        defective = number % 3 == 0
        pixels[:9, :9] += 90 * defective
        name = f"{'ng' if defective else 'ok'}_{number:02d}.png"
        Image.fromarray(pixels).save(directory / name)
    return {"root": str(directory), "defect_prefix": "ng"}


SPEC = DatasetSpec(
    name="prefixed",
    load=load,
    summary="one flat folder; the start of a file's name is its class",
    write_example=write_example,
    options=PrefixedOptions,
)

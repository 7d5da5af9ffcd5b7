"""Generated photographs that stand in for Nexperia's."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from features.cache_folder import cache_folder
from features.chips.statistics import DEFECTS
from features.chips.writer import TRUTH, write_chips
from features.datasets import nexperia
from features.datasets.base import DatasetSpec, ImageDataset
from features.datasets.boxes import CORNERS
from features.datasets.options import Options
from features.errors import InputError
from features.tables import read_table

CREDIT = "generated photographs (defectbench data make chips), not real parts"


class ChipsOptions(Options):
    """Options of `load`."""

    n: int = Field(
        default=4000, ge=1, description="Number of images to generate.", json_schema_extra={"flag": True}
    )
    data_seed: int = Field(default=0, ge=0, description="Seed of the generator.")
    difficulty: float = Field(
        default=1.0,
        gt=0,
        description="Divisor of the contrast of the defects.",
        json_schema_extra={"flag": True},
    )
    label_noise: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of the training images that get a wrong label.",
        json_schema_extra={"flag": True},
    )
    keep_in: str | None = Field(
        default=None, description="Folder to keep the images in; by default the cache folder."
    )


def load(
    n: int = 4000,
    data_seed: int = 0,
    difficulty: float = 1.0,
    label_noise: float = 0.0,
    keep_in: str | Path | None = None,
) -> ImageDataset:
    """Generate photographs, or take up those generated before, and read them as Nexperia's.

    Parameters
    ----------
    n : int
        Photographs.
    data_seed : int
        Seed of the generator; the run's own seed splits and trains.
    difficulty : float
        Divides the contrast of the defects.
    label_noise : float
        Share of the training images with the wrong label.
    keep_in : str or Path, optional
        Where to keep them; the cache folder (DEFECTBENCH_CACHE) by default.

    Returns
    -------
    ImageDataset
        The contest's test images are labelled here. `split` is the contest's; `truth` is 1 where the
        part is defective whatever its label says.
    """
    name = f"chips-{n}-{data_seed}-{difficulty:g}-{label_noise:g}"
    folder = Path(keep_in).expanduser() if keep_in is not None else cache_folder() / "chips" / name
    if not folder.exists():
        write_chips(
            folder, n=n, seed=data_seed, layout="first", difficulty=difficulty, label_noise=label_noise
        )
    elif not (folder / TRUTH).is_file():
        raise InputError(f"{folder}: no generated chips (no {TRUTH}); give another folder")
    return _with_truth(nexperia.load(folder), read_table(folder / TRUTH))


def _with_truth(dataset: ImageDataset, truth: pd.DataFrame) -> ImageDataset:
    truth = truth.set_index("id")
    paths = pd.Series(dataset.unlabelled, dtype="str")
    test = pd.DataFrame(
        {"image_id": paths.str.rsplit("/", n=1).str[-1].str.rsplit(".", n=1).str[0], "path": paths}
    )
    test["defects"] = test["image_id"].map(truth["defects"])
    test["label"] = test["defects"].str.split("|").str[0].replace("", nexperia.GOOD)
    test["group"] = test["image_id"].map(nexperia.lot_of)
    train = dataset.table.assign(split="train")
    defects = train["image_id"].map(truth["defects"])
    named = defects.str.split("|").str[0].replace("", nexperia.DEFECT)
    train["label"] = train["label"].where(train["label"] == nexperia.GOOD, named)
    table = pd.concat([train, test.assign(split="test")], ignore_index=True)
    table[CORNERS] = table[CORNERS].astype(float)
    table["boxes"] = table["boxes"].fillna("")
    table["truth"] = table["image_id"].map(truth["truth"]).astype(int)
    found = set(table["label"])
    classes = tuple(name for name in (nexperia.GOOD, *DEFECTS, nexperia.DEFECT) if name in found)
    return replace(
        dataset,
        name="chips",
        table=table,
        classes=classes,
        positive=tuple(name for name in classes if name != nexperia.GOOD),
        credit=CREDIT,
        unlabelled=(),
    )


def write_example(directory: Path, seed: int) -> dict[str, Any]:
    """Nothing to write: the options make 60 photographs."""
    return {"n": 60, "data_seed": seed, "keep_in": str(directory)}


SPEC = DatasetSpec(
    name="chips",
    load=load,
    summary="generated chips that stand in for nexperia, any number of them",
    write_example=write_example,
    options=ChipsOptions,
)

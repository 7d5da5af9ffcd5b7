"""The registry of datasets: a new one is one module and one line here."""

from pathlib import Path
from typing import Any

import pandas as pd

from features.datasets import chips, elpv, folder, nexperia
from features.datasets.base import APPROXIMATE, DatasetSpec, ImageDataset
from features.datasets.options import Options, checked
from features.errors import InputError
from features.pixels.images import depth_note

_REGISTRY: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        elpv.SPEC,
        folder.SPEC,
        nexperia.SPEC,
        chips.SPEC,
    )
}

__all__ = [
    "APPROXIMATE", "DatasetSpec", "ImageDataset", "Options", "depth_warning", "get_spec", "load_dataset",
    "name_of", "names",
]  # fmt: skip


def names() -> list[str]:
    """Return the names of the datasets, in the order of the registry."""
    return list(_REGISTRY)


def get_spec(name: str) -> DatasetSpec:
    """Return the registry's entry of `name`; `InputError` names the datasets there are."""
    if name not in _REGISTRY:
        raise InputError(f"no dataset {name!r}; there are: {', '.join(_REGISTRY)}")
    return _REGISTRY[name]


def name_of(root: str | Path) -> str:
    """Return the dataset whose files lie in a folder: nexperia, elpv, or otherwise folder (one per class)."""
    root = Path(root).expanduser()
    if elpv.is_elpv(root):
        return "elpv"
    return "nexperia" if nexperia.is_nexperia(root) else "folder"


def depth_warning(dataset: ImageDataset, scan: pd.DataFrame) -> str:
    """Return the warning of `features.pixels.images.depth_note`, empty where the bit depth was given.

    Parameters
    ----------
    dataset : ImageDataset
    scan : DataFrame
        What `features.pixels.images.scan_images` returned of its images.
    """
    if dataset.bit_depth is not None:
        return ""
    return depth_note(scan, "bit_depth" in get_spec(dataset.name).options.model_fields)


def load_dataset(name: str, **options: Any) -> ImageDataset:
    """Load the table of a dataset.

    Parameters
    ----------
    name : str
        One of `names()`.
    **options
        The dataset's own options, the fields of its `DatasetSpec.options`; `None` stands for "not given".

    Returns
    -------
    ImageDataset
        No image is decoded yet.

    Raises
    ------
    InputError
        For an unknown dataset or option, and for whatever is wrong with the files.
    """
    spec = get_spec(name)
    return spec.load(**checked(name, spec.options, options).values())

"""The registry of datasets: a new one is one module and one line here."""

from pathlib import Path
from typing import Any

from features.datasets import chips, elpv, folder, nexperia
from features.datasets.base import DatasetSpec, ImageDataset
from features.datasets.options import Options, checked
from features.errors import InputError

_REGISTRY: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        elpv.SPEC,
        folder.SPEC,
        nexperia.SPEC,
        chips.SPEC,
    )
}

__all__ = ["DatasetSpec", "ImageDataset", "Options", "get_spec", "load_dataset", "name_of", "names", "takes"]


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


def takes(name: str, option: str) -> bool:
    """Return whether a dataset takes an option.

    Examples
    --------
    >>> takes("folder", "bit_depth")
    True
    """
    return option in get_spec(name).options.model_fields


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

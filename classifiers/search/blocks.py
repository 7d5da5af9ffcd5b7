"""Finished blocks of a search on disk, so that a killed search goes on."""

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from classifiers.search.paths.base import Response
from features.files import atomic_path, write_text


class BlockStore:
    """Answers and scores of (fold, cells) blocks, one file each.

    Parameters
    ----------
    folder : str or Path, optional
        None keeps nothing.
    search : tuple
        What the search is of; blocks of another search are not taken up.
    """

    def __init__(self, folder: str | Path | None, search: tuple[Any, ...]):
        self.folder = Path(folder) if folder is not None else None
        self.search = joblib.hash(search) if folder is not None else ""

    def load(self, fold: int, cells: list[dict[str, Any]]) -> list[dict[str, float]] | None:
        """Return the finished scores of cells on a fold, None when they were not finished."""
        path = self._path(fold, cells, ".json")
        if path is None or not path.is_file():
            return None
        return json.loads(path.read_text())

    def save(self, fold: int, cells: list[dict[str, Any]], scores: list[dict[str, float]]) -> None:
        """Write the scores of cells on a fold."""
        path = self._path(fold, cells, ".json")
        if path is not None:
            plain = [{name: float(value) for name, value in each.items()} for each in scores]
            write_text(path, json.dumps(plain))

    def load_responses(self, fold: int, cells: list[dict[str, Any]]) -> list[Response] | None:
        """Return what a path has answered for cells on a fold, None when it was not finished."""
        path = self._path(fold, cells, ".npz")
        if path is None or not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return [
                Response(arrays.get(f"decision{number}"), arrays.get(f"proba{number}"))
                for number in range(len(cells))
            ]

    def save_responses(self, fold: int, cells: list[dict[str, Any]], responses: list[Response]) -> None:
        """Write what a path has answered for cells on a fold."""
        path = self._path(fold, cells, ".npz")
        if path is None:
            return
        arrays = {}
        for number, response in enumerate(responses):
            for name, values in (("decision", response.decision), ("proba", response.proba)):
                if values is not None:
                    arrays[f"{name}{number}"] = values
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def _path(self, fold: int, cells: list[dict[str, Any]], suffix: str) -> Path | None:
        if self.folder is None:
            return None
        named = [sorted((name, repr(value)) for name, value in cell.items()) for cell in cells]
        return self.folder / f"{joblib.hash((self.search, fold, named))}{suffix}"

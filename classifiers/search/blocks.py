"""Finished blocks of a search on disk, so that a killed search goes on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.search.identity import fingerprint
from classifiers.search.paths.base import Fold, Response
from features.files import atomic_path, write_text


class BlockStore:
    """Answers and scores of (fold, cells) blocks, one file each.

    Parameters
    ----------
    folder : str or Path, optional
        None keeps nothing.
    search : object
        Everything that the scores depend on besides the fold's rows and the cells: data, estimator,
        scorers, engine, device, versions. Blocks of another search are not used.
    """

    def __init__(self, folder: str | Path | None, search: Any):
        self.folder = Path(folder) if folder is not None else None
        self.search = fingerprint(search) if folder is not None else ""

    def load(self, fold: Fold, keys: Sequence[str]) -> list[dict[str, float]] | None:
        """Return the finished scores of cells on a fold, None when they were not finished."""
        path = self._path(fold, keys, ".json")
        if path is None or not path.is_file():
            return None
        return json.loads(path.read_text())

    def save(self, fold: Fold, keys: Sequence[str], scores: list[dict[str, float]]) -> None:
        """Write the scores of cells on a fold."""
        path = self._path(fold, keys, ".json")
        if path is not None:
            plain = [{name: float(value) for name, value in each.items()} for each in scores]
            write_text(path, json.dumps(plain))

    def load_responses(self, fold: Fold, keys: Sequence[str]) -> list[Response | None] | None:
        """Return what a path has answered for cells on a fold, None when it was not finished."""
        path = self._path(fold, keys, ".npz")
        if path is None or not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            responses: list[Response | None] = []
            for number in range(len(keys)):
                decision, proba = arrays.get(f"decision{number}"), arrays.get(f"proba{number}")
                zero = bool(arrays["zero_is_positive"][number])
                known = decision is not None or proba is not None
                responses.append(Response(decision, proba, zero) if known else None)
            return responses

    def save_responses(self, fold: Fold, keys: Sequence[str], responses: Sequence[Response | None]) -> None:
        """Write what a path has answered for cells on a fold."""
        path = self._path(fold, keys, ".npz")
        if path is None:
            return
        zero = [response is not None and response.zero_is_positive for response in responses]
        arrays = {"zero_is_positive": np.array(zero)}
        for number, response in enumerate(responses):
            for name in ("decision", "proba"):
                values = getattr(response, name, None)
                if values is not None:
                    arrays[f"{name}{number}"] = values
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def _path(self, fold: Fold, keys: Sequence[str], suffix: str) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{fingerprint((self.search, fold.train, fold.test, list(keys)))}{suffix}"

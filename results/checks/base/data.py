"""What a run has saved, as its checks take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from results.blend import MODEL as BLEND
from results.feature_set import END_TO_END, FeatureSet
from results.predictions import ROW_KEY, Row, rows_of
from results.status import Status

if TYPE_CHECKING:
    from results.leaderboard import Kind
    from results.metrics import Scored

#: What a run may have saved for its checks: a field of `RunData`, or `field.column`, in words.
SAVED = {
    "images.content": "the hashes of images",
    "images.brightness": "the brightness of images",
    "images.contrast": "the contrast of images",
    "images.bytes": "the sizes of files",
    "images.modified": "the times of files",
    "images.taken": "the times of exposure",
    "structure": "its search for groups and near copies",
    "embeddings.near_share": "near copies by embeddings",
    "embeddings.not_finite": "facts about embeddings",
    "searches.params": "grid searches",
    "searches.score": "the scores of grid searches",
    "searches.converged": "whether solvers converged",
    "histories.valid_auc": "training curves",
    "audit.issue": "an audit of labels",
}


@dataclass(frozen=True, eq=False)
class RunData:
    """What a run has saved, as its checks take it. All but the first two may be empty.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`, without the mean of all rows.
    leaderboard : DataFrame
        As `results.leaderboard.leaderboard`.
    images : DataFrame
        One row per image: `image_id`, `path`, `label`, `y` and `split`; where known `content`, `group`,
        `cluster`, `height`, `width`, `channels`, `brightness` and `contrast` (0 to 255), `bytes`, `modified`
        and `taken` (seconds).
    split_kind : str
        `stratified`, `group` or `official`.
    structure : mapping
        What was found about images that belong together: `near_share`, `group`, `auc_parted`, `auc_whole`.
    searches : DataFrame
        One row per setting of each grid search: the columns `ROW_KEY`, `params` (dict) and `chosen`; where
        saved `score` (mean over folds) and `converged` (bool).
    histories : DataFrame
        One row per epoch of each network: the columns `ROW_KEY`, `epoch`, `valid_auc` and more.
    embeddings : DataFrame
        One row per set of embeddings: the columns of `FeatureSet` and those of
        `results.embeddings.facts.embedding_facts`.
    audit : DataFrame
        As `results.embeddings.audit.audit_labels`.
    beside : mapping of str to DataFrame
        Leaderboards of runs on the same images under the group split, by the names of the runs.
    """

    predictions: pd.DataFrame
    leaderboard: pd.DataFrame
    images: pd.DataFrame = field(default_factory=pd.DataFrame)
    split_kind: str = "stratified"
    structure: Mapping[str, Any] = field(default_factory=dict)
    searches: pd.DataFrame = field(default_factory=pd.DataFrame)
    histories: pd.DataFrame = field(default_factory=pd.DataFrame)
    embeddings: pd.DataFrame = field(default_factory=pd.DataFrame)
    audit: pd.DataFrame = field(default_factory=pd.DataFrame)
    beside: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Return whether the run has saved a field, or a column of it.

        Parameters
        ----------
        name : str
            A key of `SAVED`.
        """
        field_name, _, column = name.partition(".")
        value = getattr(self, field_name)
        return len(value) > 0 and (not column or column in value)

    @cached_property
    def rows(self) -> list[Row]:
        """What each model said, without the mean of all rows."""
        if self.predictions.empty:
            return []
        return [row for row in rows_of(self.predictions) if row.key["model"] != BLEND]

    @cached_property
    def best(self) -> dict[Kind, Row]:
        """The row of each kind that the valid split puts first; see `results.leaderboard.best_of_kinds`."""
        from results.leaderboard import best_of_kinds

        return best_of_kinds(self.rows)

    @cached_property
    def first(self) -> Row | None:
        """The row that the valid split puts first; None where no row can be ranked."""
        from results.leaderboard import best_on_valid

        return best_on_valid(self.best.values())

    @cached_property
    def finished(self) -> pd.DataFrame:
        """The finished rows of the leaderboard without the mean of all rows."""
        board = self.leaderboard
        return board[(board["status"] == Status.OK) & (board["model"] != BLEND)]

    def scored(self, row: Row) -> Scored:
        """Return one row's valid and test scores as the metrics take them; each is made once."""
        from results.leaderboard import scored

        known: dict[int, Scored] = self.__dict__.setdefault("_scored", {})
        if id(row) not in known:
            known[id(row)] = scored(row)
        return known[id(row)]

    def auc(self, row: Row) -> float:
        """Return the ROC AUC of a row on the test split; NaN where the split lacks a class."""
        from results.metrics import get_metric

        return float(get_metric("roc_auc").compute(self.scored(row)))

    def units(self, split: str) -> dict[int, int]:
        """Return how many independent images, or groups, of each label a split holds.

        Returns
        -------
        dict of int to int
            For 0 (good) and 1 (defective); empty without rows.
        """
        if not self.rows:
            return {}
        row = self.rows[0]
        y, groups = row.part(split)[0], row.groups(split)
        return {label: count_units(groups, y == label) for label in (0, 1)}


def count_units(groups: np.ndarray | None, chosen: np.ndarray) -> int:
    """Return the number of independent images among those chosen: of groups, where there are groups."""
    return int(chosen.sum()) if groups is None else len(np.unique(groups[chosen]))


def named(key: Mapping[Any, Any]) -> str:
    """Return the name of a row in a sentence: the model, and the embeddings that it is fitted on.

    Parameters
    ----------
    key : mapping
        With the columns `ROW_KEY`.

    Examples
    --------
    >>> named({"model": "LR", "features": "resnet18", "weights": "random", "preprocess": "none"})
    'LR on resnet18, random'
    """
    words = str(key["model"])
    if key["features"] != END_TO_END:
        words += f" on {FeatureSet.of(key).title}"
    further = [str(key[k]) for k, usual in (("sampling", "all"), ("repeat", 0)) if key.get(k, usual) != usual]
    return ", ".join([words, *further])


def key_of(record: Mapping[Any, Any]) -> tuple[str, ...]:
    """Return the columns `ROW_KEY` of a record as texts, to compare rows by."""
    return tuple(str(record[name]) for name in ROW_KEY)


def listed(names: list[str], limit: int = 3) -> str:
    """Return names as words: the first few, and how many more there are.

    Examples
    --------
    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    if len(names) <= limit:
        return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit} more"

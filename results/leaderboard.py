"""The leaderboard: one row per model, from the predictions alone."""

from collections.abc import Iterable
from enum import StrEnum

import numpy as np
import pandas as pd

from results import metrics
from results.blend import MODEL as BLEND
from results.cautions import cautions_of, finds_nothing, group_count
from results.columns import LOCATION, RANKING, columns, names
from results.feature_set import BOXES, END_TO_END, FINE_TUNED, GOOD_AND_VALID, GOOD_ONLY, LABELS
from results.intervals import intervals_of, mark_best
from results.metrics.operating import operating_point
from results.predictions import COSTS, ROW_KEY, Row, is_good_only, rows_of
from results.status import Status
from results.tables.localisation import ALL, BASELINE
from results.views import View

#: What a model's threshold makes of a test image: a defect found or missed, a good part rejected or kept.
OUTCOMES = HIT, ESCAPE, OVERKILL, CORRECT = ("hit", "escape", "overkill", "correct")


class Kind(StrEnum):
    """The kinds of rows that are compared with each other, by what they learn from."""

    FROZEN = "head on frozen embeddings"
    TUNED = "head on fine-tuned embeddings"
    NETWORK = "end-to-end network"
    DETECTOR = "detector trained on boxes"
    GOOD_ONLY = "detector fitted on good images"
    BLEND = "mean of all rows"

    @classmethod
    def of(cls, row: Row) -> "Kind":
        """Return the kind of a row."""
        if row.key["model"] == BLEND:
            return cls.BLEND
        if is_good_only(row):
            return cls.GOOD_ONLY
        if row.key["features"] == END_TO_END:
            return cls.NETWORK
        if row.key["features"] == BOXES:
            return cls.DETECTOR
        # Weights of one name carry a hash behind it.
        return cls.TUNED if str(row.key["weights"]).split(" (")[0] == FINE_TUNED else cls.FROZEN


def best_on_valid(rows: Iterable[Row]) -> Row | None:
    """Return the row that the valid split puts first: one that finds a valid defect, by its valid ROC AUC.

    The test split takes no part. Of rows that are equal the first is returned, None where no row has good
    images and defects in the test split.
    """
    usable = [row for row in rows if scored(row).has_both]
    return max(usable, key=_valid_rank) if usable else None


def best_of_kinds(rows: Iterable[Row]) -> dict[Kind, Row]:
    """Return the best row of each kind, by `best_on_valid`, in the order of `Kind`."""
    rows = list(rows)
    best = {kind: best_on_valid(row for row in rows if Kind.of(row) is kind) for kind in Kind}
    return {kind: row for kind, row in best.items() if row is not None}


def leaderboard(
    predictions: pd.DataFrame,
    statuses: pd.DataFrame | None = None,
    localisation: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Measure every model on the test split.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.
    statuses : DataFrame, optional
        Rows that have no predictions: the columns `ROW_KEY` and `status`, which says why.
    localisation : DataFrame, optional
        As `results.tables.localisation.localisation_table`: fills the columns that say where models look.

    Returns
    -------
    DataFrame
        Best ROC AUC first, then rows that find no defect at their threshold, rows without predictions last.
        Its columns are `results.columns.names()`, in that order, and those of `LOCATION` where given. Every
        column that `results.columns` calls repeatable is a function of the data, the configuration
        and the seed.
    """
    models = list(rows_of(predictions))
    rows = [_measure(row) for row in models]
    if statuses is not None:
        rows += [
            {**{key: status.get(key) for key in ROW_KEY}, "status": status["status"]}
            for status in statuses.to_dict("records")
        ]
    table = pd.DataFrame(rows, columns=None if rows else [*ROW_KEY, "status"])
    table["best"] = mark_best(table, models)
    table = _with_locations(table, localisation)
    lead = [column.name for column in columns() if View.LEAD in column.views]
    nothing = table.pop("finds_nothing") if "finds_nothing" in table else pd.Series(False, table.index)
    table = table.reindex(columns=[name for name in names(optional=True) if name in table or name in lead])
    counts = [name for name in metrics.names() if metrics.get_metric(name).integer]
    for name in ["n_test", *counts]:
        table[name] = table[name].astype("Int64")
    if "test_groups" in table:
        table["test_groups"] = table["test_groups"].astype("Int64")
    # A row that finds no defect is no winner, however well it ranks.
    table = table.assign(_last=nothing.eq(True).astype(int) + 2 * (table["status"] != Status.OK))
    order = ["_last", RANKING, "model", "features", "weights"]
    table = table.sort_values(
        order, ascending=[True, False, True, True, True], na_position="last", kind="stable"
    )
    return table.drop(columns="_last").reset_index(drop=True)


def _with_locations(table: pd.DataFrame, localisation: pd.DataFrame | None) -> pd.DataFrame:
    """Add the columns that say where models look, of all defects and the first method of each row."""
    if localisation is None or localisation.empty:
        return table
    whole = localisation[(localisation["label"] == ALL) & (localisation["method"] != BASELINE)]
    found = whole.drop_duplicates(ROW_KEY)
    keys = [tuple(map(str, key)) for key in found[ROW_KEY].to_numpy()]
    rows = [tuple(map(str, key)) for key in table[ROW_KEY].to_numpy()]
    for column in LOCATION:
        values = dict(zip(keys, found[column.name], strict=True))
        table[column.name] = [float(values.get(row, float("nan"))) for row in rows]
    return table


def scored(row: Row) -> metrics.Scored:
    """Return one row's valid and test scores as the metrics take them."""
    return metrics.Scored(
        *row.part("valid"),
        *row.part("test"),
        score_kind=str(row.constant("score_kind")),
        groups_valid=row.groups("valid"),
        groups_test=row.groups("test"),
    )


def supervision_of(row: Row) -> str:
    """Return what the labels of the images were used for: `labels`, or one of the two kinds of `good only`.

    A detector that is fitted on good images uses the labels of the valid split where defects are among
    them: its threshold, and its parameters where they are selected, follow from these.
    """
    if not is_good_only(row):
        return LABELS
    return GOOD_AND_VALID if (row.part("valid")[0] == 1).any() else GOOD_ONLY


def outcomes_of(row: Row) -> pd.DataFrame:
    """Return what a row's threshold, chosen on the valid split, makes of each test image.

    Returns
    -------
    DataFrame
        `image_id`, `label`, `score` and `outcome`, one of `OUTCOMES`, in the order of the image ids.
    """
    test = row.frame[row.frame["split"] == "test"].sort_values("image_id")
    called, defect = test["score"] >= scored(row).threshold, test["y_true"] == 1
    outcome = np.select([defect & called, defect, called], OUTCOMES[:3], CORRECT)
    named = test[["image_id", "label"]].astype(str)
    return named.assign(score=test["score"].astype(float), outcome=outcome).reset_index(drop=True)


def _measure(row: Row) -> dict[str, object]:
    scores = scored(row)
    measured: dict[str, object] = {**row.key, "n_test": len(scores.y_test)}
    for name in metrics.names():
        measured[name] = metrics.get_metric(name).compute(scores)
    measured.update({name: row.constant(name) for name in COSTS})
    measured["status"] = str(Status.OK)
    measured["supervision"] = supervision_of(row)
    measured["threshold"] = scores.threshold
    measured["operating_claim"] = operating_point(scores).claim
    measured["test_groups"] = group_count(scores)
    measured["test_images"] = row.images("test")
    measured["valid_images"] = row.images("valid")
    measured["caution"] = "; ".join(cautions_of(scores))
    measured["finds_nothing"] = finds_nothing(scores)
    measured["params"] = row.constant("params")
    measured.update(intervals_of(scores))
    return measured


def _valid_rank(row: Row) -> tuple[bool, float]:
    scores = scored(row)
    finds = bool(((scores.y_valid == 1) & (scores.score_valid >= scores.threshold)).any())
    return finds, float(np.nan_to_num(scores.valid_auc, nan=-1.0))

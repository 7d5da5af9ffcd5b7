"""What learning curves say: their tables, and the crossing in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from results.curves.bands import bands_table
from results.curves.crossing import Crossing, crossing_of
from results.curves.extrapolation import Extrapolation, extrapolate
from results.curves.learner import Learner, learners_of
from results.curves.points import HEAD, NETWORK, Point, points_table

#: Columns of the tables that may be blank in every row.
_NUMERIC = (
    "labels",
    "low",
    "median",
    "high",
    "roc_auc",
    "average_precision",
    "overkill",
    "escape",
    "valid_auc",
)
_UNITS = {"images": "labelled images", "defects": "labelled defects"}


@dataclass(frozen=True, eq=False)
class Curves:
    """The tables of learning curves; each may be empty.

    Parameters
    ----------
    points : DataFrame
        `curve.csv`: every row, size and draw.
    bands : DataFrame
        `curve_bands.csv`: median and 95% band of the draws.
    crossing : DataFrame
        `crossing.csv`: where the best network passes the best head; one row, in words too.
    extrapolation : DataFrame
        `extrapolation.csv`: the power law of each row, its test, and what it gives with more labels.
    """

    points: pd.DataFrame = field(default_factory=pd.DataFrame)
    bands: pd.DataFrame = field(default_factory=pd.DataFrame)
    crossing: pd.DataFrame = field(default_factory=pd.DataFrame)
    extrapolation: pd.DataFrame = field(default_factory=pd.DataFrame)

    @classmethod
    def from_tables(cls, tables: Mapping[str, pd.DataFrame]) -> "Curves":
        """Return curves from their tables as read from files, where a column without a number is text."""
        read = {}
        for name, table in tables.items():
            numeric = [column for column in _NUMERIC if column in table]
            read[name] = table.assign(
                **{each: pd.to_numeric(table[each], errors="coerce") for each in numeric}
            )
        return cls(*(read[name] for name in cls().tables()))

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by the names of their files."""
        return {
            "curve": self.points, "curve_bands": self.bands, "crossing": self.crossing,
            "extrapolation": self.extrapolation,
        }  # fmt: skip

    @property
    def words(self) -> str:
        """The crossing in words, the best curves where there is none to report; empty without points."""
        return str(self.crossing["words"].iloc[0]) if len(self.crossing) else curve_words(self.bands)


def make_curves(
    points: Sequence[Point], failed: Sequence[Mapping[str, Any]] = (), by: str = "images"
) -> Curves:
    """Return the tables of learning curves.

    Parameters
    ----------
    points : sequence of Point
        One for each row, size and draw that ended well.
    failed : sequence of mapping
        Columns `row`, `kind`, `size`, `draw` and `status` of those that failed.
    by : {"images", "defects"}
        What the sizes count.
    """
    table = pd.concat([points_table(points), pd.DataFrame(list(failed))], ignore_index=True)
    if not points:
        return Curves(table.assign(by=by) if len(table) else table)
    table = table.assign(by=by)
    learners = learners_of(points, by)
    best = {kind: best_learner(learners, kind) for kind in (HEAD, NETWORK)}
    head, network = best[HEAD], best[NETWORK]
    crossing = crossing_of(head, network) if head and network else None
    laws = [law for learner in learners if (law := extrapolate(learner)) is not None]
    leading = {learner.words for learner in (head, network) if learner}
    return Curves(
        table,
        bands_table(table, leading),
        _crossing_table(crossing, by) if crossing else pd.DataFrame(),
        pd.DataFrame([row for law in laws for row in _law_rows(law, by, law.row in leading)]),
    )


def best_learner(learners: Sequence[Learner], kind: str) -> Learner | None:
    """Return the row of a kind that the valid images put first at the largest size that was measured."""
    found = [learner for learner in learners if learner.kind == kind and len(learner.sizes) > 1]
    largest = max((learner.sizes[-1] for learner in found), default=0)
    # A smaller size has fewer valid images: their area says less, and is 1 by chance more often.
    found = [learner for learner in found if learner.sizes[-1] == largest]
    return max(found, key=lambda each: float(np.nan_to_num(each.valid_auc, nan=-1.0)), default=None)


def curve_words(bands: pd.DataFrame) -> str:
    """Say how the best row of each kind does by size, where there is no crossing to report; may be empty."""
    leading = bands[bands["leading"].astype(str) == "True"] if len(bands) else bands
    if leading.empty:
        return ""
    unit, kinds = _UNITS[str(bands["by"].iloc[0])], set(leading["kind"])
    said = []
    for name, band in leading.sort_values("size").groupby("row"):
        pairs = zip(band["median"], band["labels"], strict=True)
        said.append(f"{name}: " + ", ".join(f"{auc:.3f} with {labels:,.0f}" for auc, labels in pairs))
    missing = {HEAD: "no network", NETWORK: "no head"}
    reason = (
        "a head and a network need two sizes that both have"
        if len(kinds) == 2
        else f"{missing[kinds.pop()]} was measured at two sizes"
    )
    return (
        f"How many {unit}? Median ROC AUC by {unit}, train and valid together: {'; '.join(said)}. "
        f"There is no crossing to report: {reason}."
    )


def crossing_words(crossing: Crossing, by: str = "images") -> str:
    """Say where the network passes the head."""
    unit = _UNITS[by]
    interval = f"95% interval {_bound(crossing.low, crossing)} to {_bound(crossing.high, crossing)}"
    if crossing.crosses:
        said = (
            f"{crossing.network} passes {crossing.head} at about {crossing.at:,.0f} {unit}, train and valid "
            f"together ({interval}; measured from {crossing.smallest:,.0f} to {crossing.largest:,.0f})."
        )
    else:
        said = (
            f"{crossing.network} against {crossing.head}: {_leader(crossing)}, so the crossing is not within "
            f"these data ({crossing.smallest:,.0f} to {crossing.largest:,.0f} {unit}, train and valid "
            f"together; {interval})."
        )
    if crossing.low == 0 and crossing.high == np.inf:
        said += " The interval covers every size: these draws and test images cannot place the crossing."
    side = "higher" if crossing.difference >= 0 else "lower"
    return (
        f"How many {unit} does the network need? {said} With all of them the network's ROC AUC is "
        f"{abs(crossing.difference):.3f} {side} (95% interval of the difference, network minus head: "
        f"{crossing.difference_low:+.3f} to {crossing.difference_high:+.3f})."
    )


def _leader(crossing: Crossing) -> str:
    """Say which of two curves that do not cross is ahead, and at how many sizes."""
    name, count = (
        ("network", crossing.ahead) if crossing.at == 0 else ("head", crossing.sizes - crossing.ahead)
    )
    if count == crossing.sizes:
        return f"the {name} is ahead at every size"
    return (
        f"the {name} is ahead at {count} of {crossing.sizes} sizes, and the network does not gain on the "
        "head with more labels"
    )


def _bound(value: float, crossing: Crossing) -> str:
    if value == 0:
        return f"below {crossing.smallest:,.0f}"
    return f"beyond {crossing.largest:,.0f}" if value == np.inf else f"{value:,.0f}"


def _crossing_table(crossing: Crossing, by: str) -> pd.DataFrame:
    def within(value: float) -> float:
        return value if 0 < value < np.inf else np.nan

    record = {
        "head": crossing.head, "network": crossing.network, "by": by,
        "labels": within(crossing.at), "low": within(crossing.low), "high": within(crossing.high),
        "reaches_below": crossing.low == 0, "reaches_beyond": crossing.high == np.inf,
        "smallest": crossing.smallest, "largest": crossing.largest, "difference": crossing.difference,
        "difference_low": crossing.difference_low, "difference_high": crossing.difference_high,
        "result": "crosses" if crossing.crosses else "not within these data",
        "words": crossing_words(crossing, by),
    }  # fmt: skip
    return pd.DataFrame([record])


def _law_rows(law: Extrapolation, by: str, leading: bool) -> list[dict[str, Any]]:
    test = {
        "row": law.row, "leading": leading, "measured": law.measured, "test_labels": law.test.labels,
        "test_auc": law.test.auc, "test_low": law.test.low, "test_high": law.test.high,
        "passes": law.passes,
    }  # fmt: skip
    words = _law_words(law, by) if leading else ""
    if not law.further:
        return [{**test, "labels": np.nan, "roc_auc": np.nan, "low": np.nan, "high": np.nan, "words": words}]
    return [
        {
            **test,
            "labels": each.labels,
            "roc_auc": each.auc,
            "low": each.low,
            "high": each.high,
            "words": words,
        }
        for each in law.further
    ]


def _law_words(law: Extrapolation, by: str) -> str:
    tested = (
        f"a power law through the smaller sizes predicts {law.test.auc:.3f} ({law.test.low:.3f} to "
        f"{law.test.high:.3f}) for the largest one, where {law.measured:.3f} was measured"
    )
    if not law.further:
        wide = "" if law.says_something else "; an interval this wide tests nothing"
        return f"No extrapolation for {law.row}: {tested}{wide}."
    more = ", ".join(
        f"{each.auc:.3f} ({each.low:.3f} to {each.high:.3f}) with {each.labels:,.0f}" for each in law.further
    )
    return f"Extrapolation, not measured: {law.row} may reach {more} {_UNITS[by]}; {tested}."

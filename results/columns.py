"""The columns of the leaderboard, each described once; every table, page and export asks here."""

from dataclasses import dataclass, field

import pandas as pd

from results import metrics
from results.notes import percent
from results.views import SHOWN, View

#: The figure that ranks rows and stands first in every table beside the leaderboard.
RANKING = "roc_auc"
BOUNDS = ("low", "high")
_LEAD = frozenset({View.LEAD})


@dataclass(frozen=True)
class Column:
    """One column of the leaderboard.

    Parameters
    ----------
    name : str
        Name in CSV files and on the command line.
    title : str
        Heading for people.
    unit : str
        `text`, `count`, `%` (a share shown in percent), the unit of a number, or empty.
    digits : int
        Decimals shown for people.
    higher_is_better : bool or None
        Which end is better; None when neither is.
    interval : bool
        Whether `NAME_low` and `NAME_high` hold its 95% interval.
    views : frozenset of View
        Where it is shown besides `leaderboard.csv`.
    repeatable : bool
        Whether two runs with one seed agree on it; measured times do not repeat.

    Examples
    --------
    >>> get_column("accuracy").show(0.51234)
    '0.512'
    >>> get_column("escape").show(0.51234)
    '51.2%'
    """

    name: str
    title: str
    unit: str = ""
    digits: int = 3
    higher_is_better: bool | None = None
    interval: bool = False
    views: frozenset[View] = field(default_factory=frozenset)
    repeatable: bool = True

    @property
    def is_text(self) -> bool:
        """Whether its values are words."""
        return self.unit == "text"

    @property
    def bounds(self) -> tuple[str, str]:
        """Names of the columns that hold its interval."""
        low, high = BOUNDS
        return f"{self.name}_{low}", f"{self.name}_{high}"

    def show(self, value: object) -> str:
        """Return a value as people read it; empty when it is missing."""
        if pd.isna(value):  # type: ignore[call-overload]
            return ""
        if self.unit == "%":
            return percent(float(str(value)), self.digits)
        if isinstance(value, float) and self.unit not in ("text", "count"):
            return f"{value:.{self.digits}f}"
        return str(value)


_KEYS = (
    Column("model", "Model", "text", views=SHOWN | _LEAD),
    Column("features", "Features", "text", views=SHOWN | _LEAD),
    Column("weights", "Weights", "text", views=SHOWN | _LEAD),
    Column("split_kind", "Split", "text", views=frozenset({View.LEAD, View.VARYING})),
)
_IMAGES = Column("n_test", "n", "count", views=_LEAD)
_COST = frozenset({View.COST})
_SIZES = (
    Column("parameters", "Parameters", "count", 0, False, views=_COST | {View.REPORT}),
    Column("flops", "FLOP/image", "FLOP", 0, False, views=_COST),
)
_TIMES = (
    Column(
        "fit_seconds", "Fit s", "s", 1, False, repeatable=False,
        views=_COST | {View.LEAD, View.TABLE, View.REPORT, View.TRACK, View.EXPERIMENT},
    ),
    Column("predict_us", "µs/image", "µs", 0, False, views=SHOWN | _LEAD, repeatable=False),
)  # fmt: skip
_RATES = (
    Column("images_per_second_1", "Images/s, batch 1", "1/s", 1, True, views=_COST, repeatable=False),
    Column("images_per_second_64", "Images/s, batch 64", "1/s", 1, True, views=_COST, repeatable=False),
    Column("model_bytes", "Bytes", "bytes", 0, False, views=_COST, repeatable=False),
)
STATUS = Column(
    "status", "Status", "text", views=frozenset({View.LEAD, View.TABLE, View.NARROW, View.REPORT})
)
_VARIANTS = (
    Column("preprocess", "Preprocess", "text", views=frozenset({View.VARYING, View.TRACK})),
    Column("sampling", "Sampling", "text", views=frozenset({View.VARYING, View.TRACK})),
    Column("repeat", "Repeat", "count", views=frozenset({View.VARYING})),
)
#: The four counts in one column; made from the leaderboard, not one of its columns.
CONFUSION = Column("confusion", "TN FP / FN TP (% of class)", "counts", views=frozenset({View.TABLE}))
#: Where the model looks: means over the defective test images whose defect has a box or a mask.
LOCATION = (
    Column("pointing_game", "Pointing game", "%", 1, True, views=frozenset({View.FILLED})),
    Column("energy_inside", "Energy in box", "%", 1, True, views=frozenset({View.FILLED})),
    Column("energy_lift", "Energy / area", "", 2, True),
    Column("peak_distance", "Peak to box, px", "px", 1, False),
    Column("iou", "IoU of the heat map", "", 3, True),
    Column("peaks_at_border", "Peaks at border", "%", 1, False),
)
_LAST = (
    Column("supervision", "Supervision", "text", views=frozenset({View.VARYING, View.TRACK})),
    Column("threshold", "Threshold"),
    Column("operating_claim", "What the valid split proves", "text"),
    Column("test_groups", "Test groups", "count"),
    Column("test_images", "Hash of the test images", "text"),
    Column("valid_images", "Hash of the valid images", "text"),
    Column("params", "Parameters chosen", "text", views=frozenset({View.TRACK})),
)
#: What makes the figures of a row say little.
CAUTION = Column("caution", "Caution", "text", views=frozenset({View.FILLED}))
_BEST = Column("best", "Best", higher_is_better=True)


def columns() -> list[Column]:
    """Return every column in the order of `leaderboard.csv`; bounds of intervals have none of their own.

    Metrics follow the registry, the ones with `View.LEAD` first.
    """
    found = _metrics()
    lead = [column for column in found if View.LEAD in column.views]
    others = [column for column in found if View.LEAD not in column.views]
    return [
        *_KEYS, _IMAGES, *lead, *_TIMES, STATUS, *_VARIANTS,
        *others, *LOCATION, *_SIZES, *_RATES, *_LAST, CAUTION, _BEST,
    ]  # fmt: skip


def names(*, optional: bool = False) -> list[str]:
    """Return the names of all columns of `leaderboard.csv`, bounds of intervals among them.

    With `optional` also those of `LOCATION`, which a leaderboard has only where heat maps were measured.
    """
    *rest, best = [column for column in columns() if optional or column not in LOCATION]
    bounds = [name for column in _metrics() if column.interval for name in column.bounds]
    return [*(column.name for column in rest), *bounds, best.name]


def timings() -> list[str]:
    """Return the names of the columns that two runs with one seed do not agree on."""
    return [column.name for column in columns() if not column.repeatable]


def get_column(name: str) -> Column:
    """Return the column of a name, also of the bound of an interval; a plain one for an unknown name."""
    known = {column.name: column for column in (*columns(), CONFUSION)}
    for end in BOUNDS:
        whole = known.get(name.removesuffix(f"_{end}"))
        if name.endswith(f"_{end}") and whole is not None and whole.interval:
            return Column(name, f"{whole.title} {end}", whole.unit, whole.digits, whole.higher_is_better)
    return known.get(name) or Column(name, name)


def in_view(view: View, board: pd.DataFrame | None = None) -> list[Column]:
    """Return the columns of one view in reading order: key, metrics, costs, status.

    Parameters
    ----------
    view : View
    board : DataFrame, optional
        A leaderboard. With it, columns with `View.VARYING` that hold several values are added, and columns
        with `View.FILLED` that hold any.

    Returns
    -------
    list of Column
    """
    added = {
        column.name for column in (*_KEYS, *_VARIANTS, *LOCATION, *_LAST, CAUTION)
        if board is not None and column.name in board and _says_something(column, board[column.name])
    }  # fmt: skip
    ordered = [
        *_KEYS, *_VARIANTS, _IMAGES, *_metrics(), CONFUSION, *LOCATION, *_LAST, *_SIZES, *_TIMES,
        *_RATES, STATUS, CAUTION,
    ]  # fmt: skip
    return [column for column in ordered if view in column.views or column.name in added]


def with_bounds(column: Column) -> list[str]:
    """Return the name of a column, followed by the names of the bounds of its interval if it has one."""
    return [column.name, *(column.bounds if column.interval else ())]


def _says_something(column: Column, values: pd.Series) -> bool:
    if View.FILLED in column.views:
        return bool((values.notna() & values.ne("")).any())
    return View.VARYING in column.views and values.dropna().nunique() > 1


def _metrics() -> list[Column]:
    return [_of_metric(metrics.get_metric(name)) for name in metrics.names()]


def _of_metric(metric: metrics.Metric) -> Column:
    unit = "count" if metric.integer else metric.unit
    return Column(
        metric.name, metric.title, unit, metric.digits, metric.higher_is_better, metric.interval, metric.views
    )

"""A test split that is too small for the figures shown."""

from collections.abc import Iterator

from results.cautions import FEW
from results.checks.base.data import RunData, named
from results.checks.base.spec import Check, Finding, Severity
from results.columns import RANKING
from results.notes import percent

#: Widest 95% interval of the ROC AUC that passes.
WIDEST = 0.1
_WORDS = {0: ("good image", "good images"), 1: ("defect", "defects")}


def _find(data: RunData) -> Iterator[Finding]:
    units = data.units("test")
    if not units:
        return
    missing = [_WORDS[label][0] for label, count in units.items() if not count]
    if missing:
        yield Finding(f"no {' and no '.join(missing)} in the test split", severity=Severity.ERROR)
        return
    y = data.rows[0].part("test")[0]
    counts = {label: int((y == label).sum()) for label in units}
    row, interval = data.first, None
    if row is not None:
        same = data.finished[(data.finished[list(row.key)] == list(row.key.values())).all(axis=1)]
        bounds = same[[f"{RANKING}_low", f"{RANKING}_high"]].dropna().to_numpy(float)
        interval = bounds[0] if len(bounds) else None
    wide = interval is not None and interval[1] - interval[0] > WIDEST
    if min(units.values()) >= FEW and not wide:
        return
    steps = (
        f"the test split has {counts[1]} {_WORDS[1][counts[1] != 1]} and {counts[0]} "
        f"{_WORDS[0][counts[0] != 1]}: one image is {percent(1 / counts[1])} of the escapes or "
        f"{percent(1 / counts[0])} of the overkill"
    )
    figures: dict[str, float] = {
        "defects": counts[1],
        "good": counts[0],
        "smallest_overkill_step": 1 / counts[0],
    }
    if interval is not None and row is not None:
        steps += f"; the ROC AUC of {named(row.key)} lies between {interval[0]:.3f} and {interval[1]:.3f}"
        figures["auc_width"] = float(interval[1] - interval[0])
    yield Finding(steps, figures)


CHECK = Check(
    "DB201",
    "few_test_images",
    Severity.WARNING,
    "always",
    "The figures move in steps of one image, and their intervals are wide: most differences between rows are "
    "chance.",
    "Label more test images of the rarer class, or use --repeats.",
    _find,
)

"""A valid split that is too small to choose with."""

from collections.abc import Iterator

from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity
from results.predictions import is_good_only

#: Fewest independent images of each class.
FEWEST = 20
_WORDS = {0: ("good image", "good images"), 1: ("defect", "defects")}


def _find(data: RunData) -> Iterator[Finding]:
    units = data.units("valid")
    missing = [_WORDS[label][0] for label, count in units.items() if not count]
    if missing:
        text = f"no {' and no '.join(missing)} in the valid split to choose thresholds with"
        # Detectors that learn from good images alone take a quantile of the good ones.
        by_quantile = units[0] > 0 and all(is_good_only(row) for row in data.rows)
        yield Finding(text, severity=None if by_quantile else Severity.ERROR)
        return
    few = {label: count for label, count in units.items() if count < FEWEST}
    if few:
        words = " and ".join(f"{count} {_WORDS[label][count != 1]}" for label, count in few.items())
        yield Finding(
            f"only {words} in the valid split", {("defects" if k else "good"): n for k, n in few.items()}
        )


CHECK = Check(
    "DB205",
    "few_valid_images",
    Severity.WARNING,
    "always",
    "Thresholds, epochs and the best row of each kind are chosen on the valid split: the choice is mostly "
    "chance.",
    "Label more images, or give the valid split a larger share (`[split] sizes`).",
    _find,
)

"""Test splits of fewer than a thousand images."""

from collections.abc import Iterator

from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity

LEAST = 1000


def _find(data: RunData) -> Iterator[Finding]:
    count = len(data.rows[0].part("test")[0]) if data.rows else LEAST
    if count < LEAST:
        yield Finding(f"the test split has {count} images", {"images": count})


CHECK = Check(
    "DB299",
    "few_hundred_images",
    Severity.INFO,
    "always",
    "A figure of this test split has two digits at most.",
    "Label more images.",
    _find,
)

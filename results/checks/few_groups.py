"""Few independent groups behind many images."""

from collections.abc import Iterator

import numpy as np

from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity
from results.notes import MANY_GROUPS, percent


def _find(data: RunData) -> Iterator[Finding]:
    for split in ("valid", "test"):
        groups = data.rows[0].groups(split) if data.rows else None
        if groups is None:
            continue
        _, counts = np.unique(groups, return_counts=True)
        if len(counts) < MANY_GROUPS:
            yield Finding(
                f"the {len(groups):,} {split} images come from {len(counts)} independent groups, the largest "
                f"with {percent(counts.max() / len(groups))} of the images",
                {"groups": len(counts), "images": len(groups), "largest_share": counts.max() / len(groups)},
            )


CHECK = Check(
    "DB204",
    "few_groups",
    Severity.WARNING,
    "images of the split belong together (a group split, or copies)",
    "Figures vary with the groups that the split happened to draw, not with the number of images.",
    "Photograph more groups (modules, lots, days), or use --repeats to see how much the figures vary.",
    _find,
)

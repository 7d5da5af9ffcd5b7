"""Exact copies of one image with contradicting labels."""

from collections.abc import Iterator

from results.checks.base.copies import sets_of_copies
from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity


def _find(data: RunData) -> Iterator[Finding]:
    conflicting = [part for part in sets_of_copies(data) if part["y"].nunique() > 1]
    if not conflicting:
        return
    pair = conflicting[0].drop_duplicates("y").head(2)
    words = " and ".join(f"{row.image_id} ({row.label})" for row in pair.itertuples())
    sets = "1 set" if len(conflicting) == 1 else f"{len(conflicting)} sets"
    yield Finding(
        f"{sets} of equal images are called both good and defective, for example {words}",
        {"sets": len(conflicting), "images": sum(map(len, conflicting))},
    )


CHECK = Check(
    "DB106",
    "copies_with_two_labels",
    Severity.ERROR,
    "the run has saved the hashes of its images",
    "At least one label of each pair is wrong: no model can be right about both.",
    "Correct the labels in a file and pass it to --relabel, or remove the images.",
    _find,
    needs=("images.content",),
)

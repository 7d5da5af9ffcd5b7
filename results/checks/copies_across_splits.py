"""Exact copies of one image in several splits."""

from collections.abc import Iterator

from results.checks.base.copies import sets_of_copies
from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity


def _find(data: RunData) -> Iterator[Finding]:
    crossing = [part for part in sets_of_copies(data) if part["split"].nunique() > 1]
    if not crossing:
        return
    tested = sum(int((part["split"] == "test").sum()) for part in crossing if (part["split"] == "test").any())
    first = crossing[0].drop_duplicates("split")
    pair = " and ".join(f"{row.image_id} ({row.split})" for row in first.head(2).itertuples())
    sets = "1 set" if len(crossing) == 1 else f"{len(crossing)} sets"
    yield Finding(
        f"{sets} of equal images lie in several splits, for example {pair}; they hold {tested} test images",
        {"sets": len(crossing), "test_images": tested},
    )


CHECK = Check(
    "DB101",
    "copies_across_splits",
    Severity.ERROR,
    "the run has saved the hashes of its images",
    "Models have seen copies of test images in training, so every figure on the test split is too good.",
    "Remove the copies (`defectbench data check` lists them), or use --split stratified or group.",
    _find,
    needs=("images.content",),
)

"""Classes of defects with too few test images."""

from collections.abc import Iterator

from results.cautions import FEW
from results.checks.base.data import RunData, listed
from results.checks.base.spec import Check, Finding, Severity


def _find(data: RunData) -> Iterator[Finding]:
    images = data.images
    if images.empty:
        return
    defects = images[images["y"] == 1]
    classes = defects["label"].astype(str)
    counts = classes[defects["split"] == "test"].value_counts().reindex(sorted(set(classes)), fill_value=0)
    few = counts[counts < FEW].sort_values(kind="stable")
    # One class of defects is all defects; other checks count them.
    if len(counts) < 2 or few.empty:
        return
    words = [f"{name} ({count})" for name, count in few.items()]
    yield Finding(
        f"{len(few)} of {len(counts)} classes of defects have fewer than {FEW} test images: "
        f"{listed(words, 5)}",
        {"classes": len(few), "fewest": int(few.iloc[0])},
    )


CHECK = Check(
    "DB206",
    "few_of_a_class",
    Severity.INFO,
    "the dataset names several classes of defects",
    "The share of each such class that is found (tables/per_class.csv) says next to nothing about that "
    "class.",
    "Collect images of these classes, or judge them together.",
    _find,
)

"""Test images with a near copy in train."""

from collections.abc import Iterator

from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity
from results.notes import percent

#: A finding is made from this share of the test images on, and from this number.
SHARE, COUNT = 0.05, 3


def _find(data: RunData) -> Iterator[Finding]:
    if data.images.empty:
        return
    tested = int((data.images["split"] == "test").sum())
    by = {"a perceptual distance": data.structure.get("near_share")}
    if "near_share" in data.embeddings:
        for record in data.embeddings.to_dict("records"):
            by[f"the embeddings of {record['features']}, {record['weights']}"] = record["near_share"]
    for measure, share in by.items():
        if share is not None and share >= SHARE and share * tested >= COUNT:
            yield Finding(
                f"{percent(share)} of the test images have a near copy in train by {measure}",
                {"near_share": share},
            )


CHECK = Check(
    "DB102",
    "near_copies",
    Severity.WARNING,
    "the run has looked for images that belong together when it made its split",
    "Models can recognise these test images instead of their defects. Figures for new parts will be lower.",
    "Keep together what belongs together: --split group, with --group where the dataset names no groups.",
    _find,
    uses=(
        "structure",
        "embeddings.near_share",
    ),
)

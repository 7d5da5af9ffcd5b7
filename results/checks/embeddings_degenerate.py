"""Embeddings that carry little or nothing."""

from collections.abc import Iterator

from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity
from results.feature_set import FeatureSet
from results.notes import percent

#: Share of constant, and of saturated, dimensions that passes.
CONSTANT, SATURATED = 0.5, 0.1


def _find(data: RunData) -> Iterator[Finding]:
    for facts in data.embeddings.to_dict("records"):
        name = f"embeddings of {FeatureSet.of(facts).title}"
        images, dimensions = int(facts["images"]), int(facts["dimensions"])
        if facts["not_finite"]:
            yield Finding(
                f"{name}: NaN or infinite values in {facts['not_finite']} of {images} images",
                {"not_finite": facts["not_finite"]},
                Severity.ERROR,
            )
        if images > 1 and facts["different"] <= 1:
            yield Finding(f"{name}: all {images} images have the same one", {"different": 1}, Severity.ERROR)
        elif facts["constant"] > CONSTANT * dimensions:
            yield Finding(
                f"{name}: {facts['constant']} of {dimensions} dimensions are constant",
                {"constant": facts["constant"], "dimensions": dimensions},
            )
        if facts["saturated"] > SATURATED * dimensions:
            yield Finding(
                f"{name}: {percent(facts['saturated'] / dimensions)} of the dimensions are saturated "
                "(most images at the largest value, or beyond the range of float16)",
                {"saturated": facts["saturated"], "dimensions": dimensions},
            )


CHECK = Check(
    "DB501",
    "embeddings_degenerate",
    Severity.WARNING,
    "images were embedded by a version that saves what it saw of the embeddings",
    "The network does not fit the images, or its numbers overflowed: heads on these embeddings say nothing "
    "of the images.",
    "Check weights and preprocessing; try --precision float32 and --storage float32.",
    _find,
    needs=("embeddings.not_finite",),
)

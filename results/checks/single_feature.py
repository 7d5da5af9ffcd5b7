"""A property of the photograph that predicts the label without any model."""

from collections.abc import Iterator

from results.checks.base.data import RunData
from results.checks.base.shortcuts import features_of, strength
from results.checks.base.spec import Check, Finding, Severity

#: A finding is made where the interval of the area lies above.
LIMIT = 0.7


def _find(data: RunData) -> Iterator[Finding]:
    images = data.images
    if images.empty or images["y"].nunique() < 2:
        return
    features = features_of(images)
    best = data.auc(data.first) if data.first is not None else float("nan")
    clusters = images["cluster"].to_numpy(str) if "cluster" in images else None
    for name, values in features.items():
        # All features together are wrong in 5% of the runs at most.
        found = strength(values, images["y"].to_numpy(int), clusters, 1 - 0.05 / len(features))
        if found is None or found.low <= LIMIT:
            continue
        text = (
            f"{name} alone separates defects from good images with a ROC AUC of {found.auc:.3f} "
            f"(interval {found.low:.3f} to {found.high:.3f}; all images)"
        )
        as_good = found.auc >= best
        if best == best:
            text += f"; the best model reaches {best:.3f}" + (", no more than that" if as_good else "")
        figures = {"auc": found.auc, "low": found.low, "high": found.high, "best_row": best}
        yield Finding(text, figures, Severity.ERROR if as_good else None)


CHECK = Check(
    "DB104",
    "single_feature",
    Severity.WARNING,
    "always, for the properties that the run has saved: brightness, contrast, size of the image and of the "
    "file, number in the file name, time of the file and of the exposure",
    "Models may read this property instead of the defect: a leak, or a confounder such as a lamp or a camera "
    "that was changed between good and defective parts.",
    "Photograph good and defective parts alike and in mixed order; compare with --preprocess, and look at "
    "the heat maps.",
    _find,
    uses=(
        "images.brightness",
        "images.contrast",
        "images.bytes",
        "images.modified",
        "images.taken",
    ),
)

"""An estimate of the share of wrong labels."""

from collections.abc import Iterator

from results.checks.base.data import RunData
from results.checks.base.spec import Check, Finding, Severity
from results.notes import percent

#: A note is made from the first share on, a warning from the second.
NOTED, WARNED = 0.01, 0.05


def _find(data: RunData) -> Iterator[Finding]:
    audit = data.audit
    if not audit["suspicion"].notna().any():
        return
    suspect = audit[audit["issue"].astype(bool)]
    share = len(suspect) / len(audit)
    if share < NOTED:
        return
    from results.statistics import proportion_interval

    low, high = proportion_interval(audit["issue"].to_numpy(bool))
    named_bad = int((suspect["label"] == 1).sum())
    yield Finding(
        f"an estimated {percent(share)} of the labels are wrong or doubtful (95% interval {percent(low)} to "
        f"{percent(high)}): other images contradict {named_bad} labels of defects and "
        f"{len(suspect) - named_bad} of good images",
        {"share": share, "low": low, "high": high, "labels": len(suspect)},
        Severity.WARNING if share >= WARNED else None,
    )


CHECK = Check(
    "DB105",
    "label_noise",
    Severity.INFO,
    "the labels were audited with a set of embeddings (projections are on)",
    "Wrong labels in train cost models accuracy; in test they limit what any model can reach. The estimate "
    "counts images that are hard to judge, too.",
    "Look at the suspects in the report or in `defectbench audit RUN`; pass corrections to --relabel.",
    _find,
    needs=("audit.issue",),
)

"""The note under a leaderboard. This module imports neither scipy nor statsmodels."""

import pandas as pd

#: From this number of groups on, groups are resampled; with fewer, Student's t is used.
MANY_GROUPS = 30

#: What the bold rows of a table are, where no table is at hand; see `best_note`.
BEST_NOTE = (
    "bold: the best ROC AUC and every row that cannot be told from it (all pairs compared at once by the "
    "largest paired DeLong statistic over the joint covariance; family-wise error 5 %)"
)


def best_note(table: pd.DataFrame) -> str:
    """Return the note under a leaderboard: what bold rows are, and how many groups intervals count."""
    counts = table["test_groups"].dropna() if "test_groups" in table else pd.Series(dtype=float)
    if counts.empty:
        return BEST_NOTE
    low, high = int(counts.min()), int(counts.max())
    number = f"{low}" if low == high else f"{low} to {high}"
    how = "Student's t, clustered DeLong" if low < MANY_GROUPS else "cluster bootstrap"
    return f"{BEST_NOTE}; intervals and tests count {number} test groups as independent, not images ({how})"

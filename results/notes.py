"""Texts that tables and messages share. This module imports neither scipy nor statsmodels."""

import math

import pandas as pd

#: From this number of groups on, groups are resampled; with fewer, Student's t is used.
MANY_GROUPS = 30

#: What the bold rows of a table are, where no table is at hand; see `best_note`.
BEST_NOTE = (
    "bold: the best ROC AUC and every row that cannot be told from it (all pairs compared at once by the "
    "largest paired DeLong statistic over the joint covariance; family-wise error 5%)"
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


def percent(share: float, digits: int | None = None, *, below: float = math.inf) -> str:
    """Return a share in percent, the one form in which tables, figures and messages show it.

    Parameters
    ----------
    share : float
        1 is 100%.
    digits : int, optional
        Number of decimals; by default one, without a trailing zero.
    below : float
        Without `digits`, decimals are added until the text is below this share.

    Examples
    --------
    >>> percent(0.995), percent(0.97594), percent(1.0), percent(0.99497, below=0.995)
    ('99.5%', '97.6%', '100%', '99.497%')
    >>> percent(0.51234, 2), percent(0.05, 0)
    ('51.23%', '5%')
    """
    if digits is not None:
        return f"{100 * share:.{digits}f}%"
    digits = 1
    while share < below and digits < 12 and round(100 * share, digits) >= round(100 * below, 12):
        digits += 1
    return f"{round(100 * share, digits):.12g}%"

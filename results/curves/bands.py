"""The middle of the draws and how far they spread."""

from collections.abc import Collection
from typing import Any

import pandas as pd

_NAMES = ["model", "features", "weights", "preprocess", "sampling"]
_SHARES = {"low": 0.025, "median": 0.5, "high": 0.975}


def bands_table(points: pd.DataFrame, leading: Collection[str] = ()) -> pd.DataFrame:
    """Return the median and the 95% band of the draws: `tables/curve_bands.csv`.

    Parameters
    ----------
    points : DataFrame
        As `points_table`, with the column `by`.
    leading : collection of str
        Names of the rows that the valid images put first of their kind.

    Returns
    -------
    DataFrame
        Columns `row`, the columns that name it, `kind`, `leading`, `by`, `size`, `labels` (images used, or
        defects where the sizes count them; a mean over the draws), `draws`, `median`, `low`, `high` of the
        area under the ROC curve, and the medians of the other figures. With few draws the band is their
        range.
    """
    done = points[points["status"] == "ok"]
    rows = []
    for (kind, row, by, size), part in done.groupby(["kind", "row", "by", "size"], sort=True):
        auc = part["roc_auc"].astype(float)
        names: dict[Any, Any] = part.iloc[0][_NAMES].to_dict()
        rows.append(
            {
                "row": row, **names, "kind": kind,
                "leading": row in leading, "by": by, "size": size,
                "labels": part["defects_used" if by == "defects" else "labels_used"].mean(),
                "draws": len(part),
                **{name: auc.quantile(share) for name, share in _SHARES.items()},
                "average_precision": part["average_precision"].median(),
                "overkill": part["overkill"].median(), "escape": part["escape"].median(),
                "seconds": part["seconds"].median(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)

"""Paired tests between models that judged the same images."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from results.statistics.delong import auc_covariance, delong_test


def mcnemar_test(first_right: np.ndarray, second_right: np.ndarray) -> float:
    """Return the p-value that two models err equally often, from the images where one of them errs.

    Parameters
    ----------
    first_right, second_right : bool array, shape (n,)
        Whether each model judged each image rightly.

    Returns
    -------
    float
        Exact and two-sided.
    """
    first, second = np.asarray(first_right, bool), np.asarray(second_right, bool)
    table = [[(first & second).sum(), (first & ~second).sum()],
             [(~first & second).sum(), (~first & ~second).sum()]]  # fmt: skip
    return float(mcnemar(table, exact=True).pvalue)


def compare_pairs(
    y: np.ndarray, scores: Mapping[str, np.ndarray], predicted: Mapping[str, np.ndarray] | None = None
) -> pd.DataFrame:
    """Compare every two models on the same images.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    scores : mapping of name to float array (n,)
    predicted : mapping of name to int array (n,), optional
        Decisions; without them there is no McNemar test.

    Returns
    -------
    DataFrame
        first, second, auc_difference, delong_p, and mcnemar_p where there are decisions, each with its
        Holm-corrected `_holm` twin.
    """
    rows = []
    for first, second in combinations(scores, 2):
        z, p = delong_test(y, scores[first], scores[second])
        row = {"first": first, "second": second, "z": z, "delong_p": p}
        if predicted is not None:
            row["mcnemar_p"] = mcnemar_test(predicted[first] == y, predicted[second] == y)
        rows.append(row)
    table = pd.DataFrame(rows, columns=["first", "second", "z", "delong_p", "mcnemar_p"])
    if predicted is None:
        table = table.drop(columns="mcnemar_p")
    for column in [name for name in map(str, table) if name.endswith("_p")]:
        table[f"{column[:-2]}_holm"] = holm(table[column].to_numpy(float))
    return table


def best_group(y: np.ndarray, scores: Mapping[str, np.ndarray], level: float = 0.05) -> list[str]:
    """Return the model of the largest area and all that cannot be told from it.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    scores : mapping of name to float array (n,)
    level : float
        Of the paired DeLong tests with the best, Holm-corrected.

    Returns
    -------
    list of str
        In the order of `scores`.
    """
    names = list(scores)
    if len(names) < 2:
        return names
    areas, _ = auc_covariance(y, np.stack([scores[name] for name in names]))
    best = names[int(np.argmax(areas))]
    others = [name for name in names if name != best]
    p = holm(np.array([delong_test(y, scores[best], scores[name])[1] for name in others]))
    alike = {best, *(name for name, value in zip(others, p, strict=True) if value >= level)}
    return [name for name in names if name in alike]


def holm(p: np.ndarray) -> np.ndarray:
    """Return Holm's corrected p-values."""
    return multipletests(p, method="holm")[1] if len(p) else p

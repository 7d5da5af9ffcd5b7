"""Paired tests between models on the same images."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import t as student
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from results.statistics.delong import delong_test


def mcnemar_test(
    first_right: np.ndarray, second_right: np.ndarray, groups: np.ndarray | None = None
) -> float:
    """Return the p-value that two models err equally often, from the images where one of them errs.

    Parameters
    ----------
    first_right, second_right : bool array, shape (n,)
        Whether each model decided each image rightly.
    groups : array, shape (n,), optional
        Images of one group depend on each other.

    Returns
    -------
    float
        Two-sided; exact for images, Durkalski's test with Student's t for groups.

    References
    ----------
    Durkalski, Palesch, Lipsitz and Rust, Analysis of clustered matched-pair data, Statistics in Medicine
    22, 2003.
    """
    first, second = np.asarray(first_right, bool), np.asarray(second_right, bool)
    if groups is not None:
        names, codes = np.unique(groups, return_inverse=True)
        by_group = np.bincount(codes, weights=first.astype(float) - second)
        error = float(np.sqrt((by_group**2).sum()))
        if error == 0 or len(names) < 2:
            return 1.0
        return float(2 * student.sf(abs(float(by_group.sum())) / error, len(names) - 1))
    table = [[(first & second).sum(), (first & ~second).sum()],
             [(~first & second).sum(), (~first & ~second).sum()]]  # fmt: skip
    return float(mcnemar(table, exact=True).pvalue)


def compare_pairs(
    y: np.ndarray,
    scores: Mapping[str, np.ndarray],
    predicted: Mapping[str, np.ndarray] | None = None,
    groups: np.ndarray | None = None,
) -> pd.DataFrame:
    """Compare every two models on the same images.

    Parameters
    ----------
    y : int array of 0 and 1, shape (n,)
    scores : mapping of name to float array (n,)
    predicted : mapping of name to int array (n,), optional
        Decisions; without them there is no McNemar test.
    groups : array, shape (n,), optional
        Images of one group depend on each other.

    Returns
    -------
    DataFrame
        first, second, z, delong_p, and mcnemar_p where there are decisions, each with its
        Holm-corrected `_holm` twin.
    """
    rows = []
    for first, second in combinations(scores, 2):
        z, p = delong_test(y, scores[first], scores[second], groups)
        row = {"first": first, "second": second, "z": z, "delong_p": p}
        if predicted is not None:
            row["mcnemar_p"] = mcnemar_test(predicted[first] == y, predicted[second] == y, groups)
        rows.append(row)
    table = pd.DataFrame(rows, columns=["first", "second", "z", "delong_p", "mcnemar_p"])
    if predicted is None:
        table = table.drop(columns="mcnemar_p")
    for column in [name for name in map(str, table) if name.endswith("_p")]:
        table[f"{column[:-2]}_holm"] = holm(table[column].to_numpy(float))
    return table


def holm(p: np.ndarray) -> np.ndarray:
    """Return Holm's corrected p-values."""
    return multipletests(p, method="holm")[1] if len(p) else p

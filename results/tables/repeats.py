"""Models over repeated splits of one dataset, and over several datasets."""

import itertools

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from results.errors import PredictionsError
from results.feature_set import FeatureSet
from results.statistics import corrected_t_test

KEY = ["model", "features", "weights", "preprocess", "sampling"]
LEVEL = 0.05


def repeats_table(board: pd.DataFrame, test_share: float, metric: str = "roc_auc") -> pd.DataFrame:
    """Summarise each model over repeated splits, and compare each with the best.

    Parameters
    ----------
    board : DataFrame
        A leaderboard with a row for each model and repeat.
    test_share : float
        Test images divided by the images that were learnt from.
    metric : str
        A column, higher is better.

    Returns
    -------
    DataFrame
        The key columns, `repeats`, `mean`, `deviation`, `lowest`, `highest`, `mean_rank`, `difference`
        (mean, to the best), `low`, `high` (its 95% interval), `p` (the smallest p-value of the corrected
        resampled t-tests against all better models, Holm-corrected over all pairs of models), and `best`:
        whether no model is better. All pairs count because the data choose the best: the probability that
        any of the truly best is excluded is at most 5%. Best mean first; models without a figure in some
        repeat are left out.

    References
    ----------
    Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003.
    """
    figures = _figures(board, "repeat", metric)
    if figures.shape[1] < 2:
        raise PredictionsError("one split only: give --repeats 2 or more")
    best = int(figures.mean(axis=1).to_numpy().argmax())
    rows = []
    for key, values in figures.iterrows():
        difference, p, (low, high) = corrected_t_test(values.to_numpy(), figures.to_numpy()[best], test_share)
        measured = {
            "repeats": len(values), "mean": values.mean(), "deviation": values.std(ddof=1),
            "lowest": values.min(), "highest": values.max(), "difference": difference, "low": low,
            "high": high, "p": p,
        }  # fmt: skip
        rows.append({**dict(zip(KEY, key, strict=True)), **measured})  # type: ignore[call-overload]
    table = pd.DataFrame(rows)
    table.insert(table.columns.get_loc("difference"), "mean_rank", _mean_ranks(figures).to_numpy())  # type: ignore[arg-type]
    table["p"] = _beaten(figures.to_numpy(), test_share)
    table["best"] = table["p"] >= LEVEL
    return table.sort_values("mean", ascending=False, kind="stable").reset_index(drop=True)


def ranks_over_repeats(
    board: pd.DataFrame, test_share: float, metric: str = "roc_auc"
) -> tuple[pd.Series, pd.DataFrame]:
    """Return mean ranks over repeats, and which models a corrected t-test cannot tell apart.

    Repeats share images, so the tests of Friedman and Nemenyi, which are meant for independent
    datasets, are not used here.

    Returns
    -------
    ranks : Series
        By model name, best first.
    alike : DataFrame of bool
        For each pair of names; Holm-corrected over all pairs.
    """
    figures = _figures(board, "repeat", metric)
    figures.index = pd.Index(_names(figures))
    ranks = _mean_ranks(figures).sort_values(kind="stable")
    pairs = list(itertools.combinations(figures.index, 2))
    tests = [
        corrected_t_test(figures.loc[a].to_numpy(), figures.loc[b].to_numpy(), test_share)[1]
        for a, b in pairs
    ]
    return ranks, _alike(figures.index, pairs, tests)


def ranks_over_datasets(
    boards: dict[str, pd.DataFrame], metric: str = "roc_auc", contents: dict[str, set[str]] | None = None
) -> tuple[pd.Series, pd.DataFrame, float]:
    """Return mean ranks over datasets, and which models Nemenyi's test cannot tell apart.

    Parameters
    ----------
    boards : dict of dataset name to leaderboard
        Three at least; models that are not in all of them are left out.
    metric : str
    contents : dict of dataset name to set of str, optional
        Hashes of each dataset's images, to find one dataset under two names or splits.

    Returns
    -------
    ranks : Series
    alike : DataFrame of bool
    p : float
        Of Friedman's test that all models are the same.

    Raises
    ------
    PredictionsError
        For fewer than three datasets or models, or two boards of one dataset.

    References
    ----------
    Demsar, Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006.
    """
    import scikit_posthocs
    from scipy.stats import friedmanchisquare

    _check_distinct(boards, contents or {})
    together = pd.concat([board.assign(dataset=name) for name, board in boards.items()])
    figures = _figures(together, "dataset", metric)
    if figures.shape[1] < 3 or len(figures) < 3:
        raise PredictionsError(
            f"{len(figures)} models in {figures.shape[1]} datasets: ranks over datasets need three of each"
        )
    figures.index = pd.Index(_names(figures))
    p = float(friedmanchisquare(*figures.to_numpy()).pvalue)
    nemenyi = scikit_posthocs.posthoc_nemenyi_friedman(figures.to_numpy().T)
    alike = pd.DataFrame(nemenyi.to_numpy() >= LEVEL, index=figures.index, columns=figures.index)
    return _mean_ranks(figures).sort_values(kind="stable"), alike, p


def _check_distinct(boards: dict[str, pd.DataFrame], contents: dict[str, set[str]]) -> None:
    """Refuse two boards of one dataset: their figures are not independent."""
    for one, other in itertools.combinations(boards, 2):
        tests = [set(boards[name].get("test_images", pd.Series(dtype=str)).dropna()) for name in (one, other)]
        images = [contents.get(name, set()) for name in (one, other)]
        same = bool(tests[0] & tests[1]) or 2 * len(images[0] & images[1]) > min(map(len, images)) > 0
        if same:
            raise PredictionsError(
                f"{one} and {other} hold the same images: ranks over datasets need different datasets; "
                "use --repeats for several splits of one"
            )


def _figures(board: pd.DataFrame, over: str, metric: str) -> pd.DataFrame:
    """Return one row per model, one column per repeat or dataset."""
    done = board.dropna(subset=[metric]).drop_duplicates([*KEY, over])
    table = done.pivot(index=KEY, columns=over, values=metric).dropna().astype(float)
    if table.empty:
        raise PredictionsError("no model was scored everywhere")
    return table


def _names(figures: pd.DataFrame) -> list[str]:
    names = []
    for key in figures.index:
        row = dict(zip(KEY, map(str, key), strict=True))
        name = f"{row['model']} on {FeatureSet.of(row).title}"
        names.append(name if row["sampling"] == "all" else f"{name}, {row['sampling']}")
    return names


def _mean_ranks(figures: pd.DataFrame) -> pd.Series:
    return figures.rank(axis=0, ascending=False).mean(axis=1)


def _beaten(figures: np.ndarray, test_share: float) -> np.ndarray:
    """Return for each model the smallest p-value that a better model has against it, 1 for the best."""
    pairs = list(itertools.combinations(range(len(figures)), 2))
    smallest = np.ones(len(figures))
    if pairs:
        tests = [corrected_t_test(figures[a], figures[b], test_share)[:2] for a, b in pairs]
        corrected = multipletests([p for _, p in tests], method="holm")[1]
        for (a, b), (difference, _), p in zip(pairs, tests, corrected, strict=True):
            if difference != 0:
                worse = b if difference > 0 else a
                smallest[worse] = min(smallest[worse], p)
    return smallest


def _alike(names: pd.Index, pairs: list[tuple[str, str]], p: list[float]) -> pd.DataFrame:
    alike = pd.DataFrame(True, index=names, columns=names)
    if pairs:
        for (a, b), corrected in zip(pairs, multipletests(p, method="holm")[1], strict=True):
            alike.loc[a, b] = alike.loc[b, a] = bool(corrected >= LEVEL)
    return alike

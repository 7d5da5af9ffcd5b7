"""Compares what PathSearchCV's scorers see with what GridSearchCV's see, decision value by decision value."""

import io
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV

from classifiers.search import PathSearchCV


@dataclass
class Seen:
    """Answers of each (cell, fold) in the order of scoring, warnings' classes, an exception, the search."""

    answers: list = field(default_factory=list)
    warned: set = field(default_factory=set)
    raised: type | None = None
    search: object = None


def _observe(kind, estimator, grid, X, y, response, options, fit_params):
    seen = Seen()

    def remember(y_true, answer):
        seen.answers.append(np.array(answer))
        # A number that differs between cells, so that ranks mean something.
        return float(np.asarray(answer)[..., -1].mean()) if np.asarray(answer).dtype.kind == "f" else 0.0

    scoring = make_scorer(remember, response_method=response)
    search = kind(estimator, grid, scoring=scoring, **options)
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            seen.search = search.fit(X, y, **fit_params)
        except Exception as error:  # The class of what is raised is what is compared.
            seen.raised = type(error)
    seen.warned = {each.category for each in caught}
    return seen


def difference(estimator, grid, X, y, *, own=None, fit_params=None, response=None, **options):
    """Return the largest relative difference of answers; assert that all else is the same.

    Parameters
    ----------
    estimator, grid, X, y
    own : dict
        Options of PathSearchCV alone.
    fit_params : dict
        Passed to `fit`.
    response : str
        `decision_function` where the estimator has it, else `predict_proba`.
    **options
        Of both searches.

    Returns
    -------
    float
        Over all cells and folds, relative to the largest answer of the fold.
    PathSearchCV or None
        Fitted, None where both searches raised.
    """
    if response is None:
        assert is_classifier(estimator)
        response = ["decision_function", "predict_proba"]
    arguments = (estimator, grid, X, y, response)
    stock = _observe(GridSearchCV, *arguments, options, fit_params or {})
    ours = _observe(
        PathSearchCV, *arguments, {**options, "accelerate": False, **(own or {})}, fit_params or {}
    )
    assert ours.raised is stock.raised, f"raised {ours.raised}, right {stock.raised}"
    assert ours.warned == stock.warned, f"warned of {ours.warned}, right {stock.warned}"
    if stock.raised:
        return 0.0, None
    assert len(ours.answers) == len(stock.answers)
    assert ours.search.cv_results_.keys() == stock.search.cv_results_.keys()
    assert ours.search.n_splits_ == stock.search.n_splits_
    largest = 0.0
    for found, right in zip(ours.answers, stock.answers, strict=True):
        assert found.shape == right.shape and found.dtype.kind == right.dtype.kind
        finite = np.isfinite(right)
        assert np.array_equal(finite, np.isfinite(found))
        assert np.array_equal(found[~finite], right[~finite], equal_nan=True)
        if finite.any():
            size = max(np.abs(right[finite]).max(), 1e-9)
            largest = max(largest, float(np.abs(found[finite] - right[finite]).max() / size))
    means = stock.search.cv_results_["mean_test_score"]
    mine = ours.search.cv_results_["mean_test_score"]
    assert np.array_equal(np.isnan(means), np.isnan(mine))
    if hasattr(stock.search, "best_index_") and stock.search.best_index_ != ours.search.best_index_:
        gap = means[stock.search.best_index_] - means[ours.search.best_index_]
        assert gap <= 1e-3 * max(1.0, np.nanmax(np.abs(means))), f"best index differs over a gap of {gap}"
    return largest, ours.search

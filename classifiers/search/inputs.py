"""What paths can use of a search's inputs: rows, labels, folds, scorers and the cells of the grid."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.metrics._scorer import _MultimetricScorer, _PassthroughScorer, _Scorer
from sklearn.pipeline import Pipeline
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _get_feature_names

from classifiers.search.identity import cell_key
from classifiers.search.paths import Path, find_path
from classifiers.search.paths.base import Fold

_RESPONSES = ({"predict"}, {"predict_proba"}, {"decision_function"}, {"decision_function", "predict_proba"})


@dataclass(frozen=True, eq=False)
class Setting:
    """A cell of the grid that a path may answer.

    Parameters
    ----------
    key : str
        `cell_key` of the cell.
    model : estimator
        The model (the last step of a pipeline) with the cell's parameters set.
    """

    key: str
    model: BaseEstimator


def split_pipeline(estimator: BaseEstimator) -> tuple[Pipeline | None, BaseEstimator, str] | None:
    """Return the steps before the model, the model, and the prefix of its parameter names.

    None for an estimator that a path must leave alone: a pipeline of a class of its own (it may fit
    and score as it likes), one that prints, or one with callbacks.
    """
    if not isinstance(estimator, Pipeline):
        return None if hasattr(estimator, "_skl_callbacks") else (None, estimator, "")
    if type(estimator) is not Pipeline or estimator.verbose or estimator.transform_input is not None:
        return None
    steps = [
        (name, step)
        for name, step in estimator.steps[:-1]
        if step is not None and not (isinstance(step, str) and step == "passthrough")
    ]
    name, model = estimator.steps[-1]
    if any(hasattr(step, "_skl_callbacks") for step in (estimator, model, *(step for _, step in steps))):
        return None
    return (Pipeline(steps) if steps else None), model, f"{name}__"


def settings_of(
    estimator: BaseEstimator, cells: Iterable[dict[str, Any]]
) -> tuple[type[Path] | None, list[Setting]]:
    """Return the path of the estimator's model and the cells that set nothing but this model's parameters.

    Each cell is judged by the model that it describes: the estimator with the cell's parameters set.
    """
    parts = split_pipeline(estimator)
    made_for = None if parts is None else find_path(parts[1])
    if parts is None or made_for is None:
        return None, []
    _, model, lead = parts
    own, settings = set(model.get_params(deep=False)), []
    for cell in cells:
        inner = {name.removeprefix(lead): value for name, value in cell.items() if name.startswith(lead)}
        if len(inner) == len(cell) and set(inner) <= own:
            setting = clone(model).set_params(**clone(inner, safe=False))
            if _is_valid(setting):
                settings.append(Setting(cell_key(cell), setting))
    return made_for, settings


def _is_valid(model: BaseEstimator) -> bool:
    """Return whether the model would accept its parameters; one that it refuses raises its own error."""
    try:
        # Models of other libraries inherit the method without the constraints.
        if hasattr(model, "_parameter_constraints"):
            model._validate_params()
    except ValueError:
        return False
    return True


def as_rows(X: Any) -> np.ndarray | None:
    """Return `X` as a matrix of float32 or float64, None when a path cannot use it as the library would.

    Half precision and long doubles are refused: transformers keep or convert them in ways of their own.
    """
    if type(X) not in (np.ndarray, np.memmap, pd.DataFrame):
        return None
    try:
        _get_feature_names(X)
        rows = np.asarray(X)
    except (TypeError, ValueError):
        return None
    if rows.ndim != 2 or not rows.size:
        return None
    if rows.dtype.kind in "iub":
        return rows.astype(np.float64)
    return rows if rows.dtype in (np.float32, np.float64) and np.isfinite(rows).all() else None


def as_labels(y: Any) -> np.ndarray | None:
    """Return `y` as an array of class labels, None when it is not one label a row of two classes or more."""
    try:
        labels = np.asarray(y)
        if labels.ndim != 1 or labels.dtype.kind not in "biufUO":
            return None
        if labels.dtype.kind == "O" and not all(isinstance(label, str) for label in labels):
            return None
        if type_of_target(y) not in ("binary", "multiclass") or len(np.unique(labels)) < 2:
            return None
    except (TypeError, ValueError):
        return None
    return labels


def as_folds(splits: Sequence[tuple[Any, Any]], n: int) -> list[Fold] | None:
    """Return splits as row numbers, None when one is no mask or list of rows; masks and any ints will do."""
    folds = []
    for number, (train, test) in enumerate(splits):
        rows = [_row_numbers(part, n) for part in (train, test)]
        if rows[0] is None or rows[1] is None:
            return None
        folds.append(Fold(number, rows[0], rows[1], n))
    return folds


def _row_numbers(part: Any, n: int) -> np.ndarray | None:
    rows = np.asarray(part)
    if rows.ndim != 1:
        return None
    if rows.dtype == bool:
        return np.flatnonzero(rows) if len(rows) == n else None
    if rows.dtype.kind not in "iu" or (len(rows) and (rows.min() < -n or rows.max() >= n)):
        return None
    return np.where(rows < 0, rows + n, rows).astype(np.int64)


def asks_for_answers_only(scorer: Any) -> bool:
    """Return whether a scorer asks a model for predictions alone, so that a stand-in can answer.

    A function of your own, or a scorer class of your own, may look at the fitted model.
    """
    if isinstance(scorer, _MultimetricScorer):
        return all(asks_for_answers_only(each) for each in scorer._scorers.values())
    if type(scorer) is _PassthroughScorer:
        return True
    if type(scorer) is not _Scorer:
        return False
    asked = scorer._response_method
    return ({asked} if isinstance(asked, str) else set(asked)) in _RESPONSES

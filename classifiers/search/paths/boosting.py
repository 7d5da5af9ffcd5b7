"""XGBoost: one quantised matrix per fold, one fit at the largest number of rounds."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import xgboost
from sklearn.base import BaseEstimator

from classifiers.search.paths.base import Fold, Path, Problem, Response, StepAside, is_number

_HISTOGRAM = (None, "auto", "hist")
_NUMBERS = (
    "base_score", "colsample_bylevel", "colsample_bynode", "colsample_bytree", "gamma", "learning_rate",
    "max_bin", "max_delta_step", "max_depth", "max_leaves", "min_child_weight", "num_parallel_tree",
    "random_state", "reg_alpha", "reg_lambda", "scale_pos_weight", "subsample",
)  # fmt: skip


class BoostingPath(Path):
    """XGBoost's trees over n_estimators.

    A boosted model of k rounds is the first k rounds of a longer one, so one fit gives the scores at
    every n_estimators. The rows are quantised once per fold, number of bins and missing value.
    """

    along = frozenset({"n_estimators"})
    understood = frozenset(
        {*_NUMBERS, "booster", "device", "grow_policy", "missing", "n_estimators", "n_jobs", "tree_method"}
    )

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self._matrices: dict[tuple[Any, ...], xgboost.QuantileDMatrix] = {}
        self._lock = threading.Lock()
        # On a GPU a quantised matrix is filled when it is first read, without a lock.
        self.alone = problem.device == "cuda"

    def can_answer(self, model: Any) -> bool:
        """Plain boosted trees on histograms, for the labels 0, 1, ... that XGBoost asks for."""
        expected = np.arange(len(self.problem.classes))
        rounds = model.n_estimators
        return (
            self.problem.classes.dtype.kind in "biuf"
            and np.array_equal(self.problem.classes, expected)
            and (self.problem.prefix is not None or isinstance(self.problem.data, np.ndarray))
            and model.booster in (None, "gbtree")
            and model.tree_method in _HISTOGRAM
            and model.device in (None, "cpu")
            and (rounds is None or (isinstance(rounds, int | np.integer) and int(rounds) >= 1))
            and is_number(model.missing)
            and all(getattr(model, name) is None or is_number(getattr(model, name)) for name in _NUMBERS)
        )

    def cost(self, model: Any) -> float:
        """Each level of depth doubles the nodes."""
        return float(2 ** (6 if model.max_depth is None else min(model.max_depth, 30)))

    def run(self, fold: Fold, models: Sequence[Any]) -> tuple[list[Response | None], int]:
        """See `Path.run`."""
        model = models[0]
        params = model.get_xgb_params()
        params["nthread"] = self.problem.threads
        if self.problem.device == "cuda" and model.device is None:
            params["device"] = "cuda"
        classes = len(self.problem.classes)
        if classes > 2:
            params.update(objective="multi:softprob", num_class=classes)
        rounds = [each.get_num_boosting_rounds() for each in models]
        held_rows = self.problem.rows(fold)[2]
        held = xgboost.DMatrix(held_rows, missing=model.missing, nthread=self.problem.threads)
        booster = xgboost.train(params, self._matrix(fold, model), max(rounds), verbose_eval=False)
        answers = {k: booster.predict(held, iteration_range=(0, k)) for k in set(rounds)}
        return [Response(proba=_probabilities(answers[k])) for k in rounds], 1

    def _matrix(self, fold: Fold, model: Any) -> xgboost.QuantileDMatrix:
        key = (fold.number, model.max_bin, repr(float(model.missing)))
        with self._lock:
            if key not in self._matrices:
                X, codes, _ = self.problem.rows(fold)
                self._matrices[key] = xgboost.QuantileDMatrix(
                    X, codes, missing=model.missing, max_bin=model.max_bin,
                    nthread=self.problem.threads,
                )  # fmt: skip
            return self._matrices[key]


def fit_on_gpu(model: BaseEstimator, fit: Any) -> None:
    """Call `fit` with an XGBoost model's device set to the GPU, and give it its own device back.

    Parameters
    ----------
    model : XGBClassifier
        Left alone where its device is set.
    fit : callable
        Takes nothing; fits the model, or the pipeline that it is the last step of.
    """
    if model.device is not None:
        fit()
        return
    model.set_params(device="cuda")
    try:
        fit()
    finally:
        model.set_params(device=None)
    model.get_booster().set_param({"device": "cpu"})


def _probabilities(answer: np.ndarray) -> np.ndarray:
    if answer.ndim not in (1, 2):
        raise StepAside("no probabilities")
    return answer if answer.ndim == 2 else np.stack([1 - answer, answer], axis=1)

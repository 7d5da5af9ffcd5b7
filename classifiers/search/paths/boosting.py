"""XGBoost: one quantised matrix a fold, one fit at the largest number of rounds."""

import threading
from collections.abc import Sequence

import numpy as np
import xgboost
from sklearn.base import BaseEstimator

from classifiers.search.paths.base import Cell, Fold, Path, Problem, Response

_HISTOGRAM = (None, "auto", "hist")


class BoostingPath(Path):
    """XGBoost's trees over n_estimators.

    A boosted model of k rounds is the first k rounds of a longer one, so one fit gives the scores at
    every n_estimators. The rows are quantised once a fold and number of bins.
    """

    along = frozenset({"n_estimators"})

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self._matrices: dict[tuple[int, object], xgboost.DMatrix] = {}
        self._lock = threading.Lock()

    @classmethod
    def knows(cls, model: BaseEstimator) -> bool:
        """Tell whether `model` is XGBoost's classifier."""
        return type(model) is xgboost.XGBClassifier

    def takes(self, cell: Cell) -> bool:
        """Plain boosted trees on histograms: no early stopping, callbacks or dropped rounds."""
        model = self.setting(cell)
        return (
            model.booster in (None, "gbtree")
            and model.tree_method in _HISTOGRAM
            and model.early_stopping_rounds is None
            and not model.callbacks
            and not callable(model.objective)
            and not model.enable_categorical
        )

    def cost(self, cell: Cell) -> float:
        """Each level of depth doubles the nodes."""
        return float(2 ** (self.value(cell, "max_depth") or 6))

    def run(self, fold: Fold, cells: Sequence[Cell]) -> tuple[list[Response], int]:
        """See `Path.run`."""
        model = self.setting(cells[0])
        params = model.get_xgb_params()
        params["nthread"] = self.problem.threads
        if self.problem.device == "cuda" and params.get("device") is None:
            params["device"] = "cuda"
        classes = len(self.problem.classes)
        if classes > 2:
            params.update(objective="multi:softprob", num_class=classes)
        rounds = [int(self.value(cell, "n_estimators") or 100) for cell in cells]
        train, held = (
            self._matrix(fold, model),
            xgboost.DMatrix(self.problem.rows(fold)[2], missing=model.missing, nthread=self.problem.threads),
        )
        booster = xgboost.train(params, train, max(rounds), verbose_eval=False)
        answers = {k: booster.predict(held, iteration_range=(0, k)) for k in set(rounds)}
        return [Response(proba=_probabilities(answers[k])) for k in rounds], 1

    def _matrix(self, fold: Fold, model: xgboost.XGBClassifier) -> xgboost.DMatrix:
        key = (fold.number, model.max_bin)
        with self._lock:
            if key not in self._matrices:
                X, codes, _ = self.problem.rows(fold)
                self._matrices[key] = xgboost.QuantileDMatrix(
                    X, codes, missing=model.missing, max_bin=model.max_bin or 256,
                    nthread=self.problem.threads,
                )  # fmt: skip
            return self._matrices[key]


def _probabilities(answer: np.ndarray) -> np.ndarray:
    return answer if answer.ndim == 2 else np.stack([1 - answer, answer], axis=1)

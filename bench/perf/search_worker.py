"""One search in a process of its own, so that patches, thread pools and memory peaks stay apart.

Called as `python -m bench.perf.search_worker TASK.json ANSWER.json`.
"""

import contextlib
import json
import math
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from bench.perf.process import peak_gib
from classifiers.spec import plain_params

METHODS = ("GridSearchCV", "GridSearchCV, intelex", "HalvingGridSearchCV", "PathSearchCV")


def main(task_path: str, answer_path: str) -> None:
    """Run the search that the task describes and write what it took and found."""
    warnings.simplefilter("ignore")
    task = json.loads(Path(task_path).read_text())
    if task["method"] == "GridSearchCV, intelex":
        with contextlib.redirect_stderr(None):
            from sklearnex import patch_sklearn

            patch_sklearn(verbose=False)
    with np.load(task["data"]) as data:
        X, y, X_test, y_test = (data[name] for name in ("X", "y", "X_test", "y_test"))
    _make(task, 5, 2).fit(*_warm_up())
    search = _make(task, task["folds"], task["jobs"])
    Path(task["started"]).touch()
    started = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - started
    answer = {"seconds": seconds, "fits": _fits(search), **_found(search, X, y, X_test, y_test, task)}
    answer["peak_gib"] = _peak_gib()
    Path(answer_path).write_text(json.dumps(answer))


def _make(task: dict[str, Any], folds: int, jobs: int) -> Any:
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, StratifiedKFold

    import classifiers
    from classifiers.search import PathSearchCV

    cv: Any = StratifiedKFold(folds, shuffle=True, random_state=0)
    if task["only_folds"]:
        cv = _FirstFolds(cv, task["only_folds"])
    kind = {
        "GridSearchCV": GridSearchCV,
        "GridSearchCV, intelex": GridSearchCV,
        "HalvingGridSearchCV": HalvingGridSearchCV,
        "PathSearchCV": PathSearchCV,
    }[task["method"]]
    extra: dict[str, Any] = {"random_state": 0} if kind is HalvingGridSearchCV else {}
    if kind is PathSearchCV:
        extra["device"] = task["device"]
    model = classifiers.make_classifier(task["model"], random_state=0)
    if task["model"] == "xgb":
        # Named for every method, so that all of them compare on one device.
        model.set_params(model__device=task["device"])
    return kind(model, task["grid"], scoring="roc_auc", cv=cv, n_jobs=jobs, refit=False, **extra)


class _FirstFolds:
    """The first folds of a splitter: for methods timed on a part and scaled."""

    def __init__(self, splitter: Any, count: int):
        self.splitter, self.count = splitter, count

    def split(self, X: Any, y: Any, groups: Any = None) -> Any:
        return list(self.splitter.split(X, y, groups))[: self.count]

    def get_n_splits(self, *args: Any, **kwargs: Any) -> int:
        return self.count


def _warm_up() -> tuple[np.ndarray, np.ndarray]:
    """Return rows for a first search that starts the processes and compiles what is compiled."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    return rng.normal(size=(120, 8)).astype(np.float32) + y[:, None], y


def _fits(search: Any) -> int:
    if hasattr(search, "n_fits_"):
        return int(search.n_fits_)
    return len(search.cv_results_["params"]) * int(search.n_splits_)


def _found(
    search: Any, X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray, task: dict[str, Any]
) -> dict[str, Any]:
    from sklearn.base import clone
    from sklearn.metrics import roc_auc_score

    best = search.best_params_
    scores = [float(score) for score in search.cv_results_["mean_test_score"]]
    found = {
        "best": plain_params(best),
        "cv_score": float(search.best_score_),
        "scores": scores if not any(map(math.isnan, scores)) else None,
        "test_auc": None,
    }
    if task["refit"]:
        model = clone(search.estimator).set_params(**best).fit(X, y)
        decide = getattr(model, "predict_proba", None)
        answer = decide(X_test)[:, 1] if decide else model.decision_function(X_test)
        found["test_auc"] = float(roc_auc_score(y_test, answer))
    return found


def _peak_gib() -> float:
    return max(peak_gib(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20)


if __name__ == "__main__":
    main(*sys.argv[1:])

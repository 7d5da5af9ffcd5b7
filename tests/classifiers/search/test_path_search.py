import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, ShuffleSplit, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier

import classifiers
from classifiers.search import PathSearchCV
from classifiers.search import run as run_module

LDA = LinearDiscriminantAnalysis(solver="lsqr")
LR = LogisticRegression(solver="newton-cholesky", tol=1e-8)
FOREST = RandomForestClassifier(random_state=0)
XGB = XGBClassifier(random_state=0, n_jobs=1, tree_method="hist")

#: For each family: a model, the grid that its path runs along, the tolerance of the CV scores.
FAMILIES = {
    "lda": (LDA, {"shrinkage": [1e-4, 1e-2, 0.1, 0.5, 0.9, 1.0]}, 1e-4),
    "lr": (LR, {"C": [1e-4, 1e-2, 1.0, 1e3]}, 1e-4),
    "lr-elastic": (
        LogisticRegression(solver="saga", l1_ratio=0.5, tol=1e-7, max_iter=5000),
        {"C": [1e-2, 0.1, 1.0]},
        1e-4,
    ),
    "svm": (SVC(), {"C": [0.1, 1, 10, 100], "gamma": [1e-3, 1e-2, "scale", "auto"]}, 1e-4),
    "svm-linear": (SVC(kernel="linear", tol=1e-6), {"C": [1e-3, 1e-2, 1.0, 100.0]}, 1e-4),
    "rf": (
        FOREST,
        {"n_estimators": [3, 10, 21], "max_features": ["sqrt", 0.3], "min_samples_leaf": [1, 3]},
        0,
    ),
    "xgb": (XGB, {"n_estimators": [3, 12], "max_depth": [2, 4], "max_bin": [32, 256]}, 1e-6),
}


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(240, 20, n_informative=8, flip_y=0.15, weights=[0.65], random_state=0)
    return X.astype(np.float32), y


def scaled(model, grid):
    return (
        Pipeline([("scale", StandardScaler()), ("model", model)]),
        {f"model__{name}": values for name, values in grid.items()},
    )


def both(model, grid, X, y, own=None, **options):
    options = {"scoring": "roc_auc", "cv": StratifiedKFold(3, shuffle=True, random_state=1), **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stock = GridSearchCV(model, grid, **options).fit(X, y)
        ours = PathSearchCV(model, grid, **options, accelerate=False, **(own or {})).fit(X, y)
    return stock, ours


def same_scores(stock, ours, tolerance):
    assert stock.cv_results_["params"] == ours.cv_results_["params"]
    for key, expected in stock.cv_results_.items():
        if "_test_" in key and not key.startswith("rank"):
            np.testing.assert_allclose(ours.cv_results_[key], expected, rtol=0, atol=tolerance, err_msg=key)


@pytest.mark.parametrize("pipeline", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_grid_search(family, pipeline, data):
    model, grid, tolerance = FAMILIES[family]
    if pipeline:
        model, grid = scaled(model, grid)
    stock, ours = both(model, grid, *data)
    same_scores(stock, ours, tolerance)
    means = stock.cv_results_["mean_test_score"]
    assert means[ours.best_index_] >= means.max() - max(tolerance, 1e-9)
    assert ours.n_fits_ < len(means) * 3 or "svm" in family or family.startswith("lr")


@pytest.mark.parametrize("family", ["lda", "lr", "svm", "svm-linear"])
def test_scores_of_batched_algebra_are_those_of_grid_search(family, data):
    model, grid = FAMILIES[family][:2]
    if isinstance(model, SVC):
        # At its default tolerance LIBSVM stops short of the optimum, which moves single ranks.
        model, grid = clone(model).set_params(tol=1e-6), {**grid, "C": grid["C"][:3]}
    stock, ours = both(*scaled(model, grid), *data, own={"device": "cpu-torch"}, cv=StratifiedKFold(5))
    same_scores(stock, ours, 1e-4)


def test_batched_algebra_is_used_and_takes_weights(data, monkeypatch):
    used = []
    original = run_module._run_batched
    monkeypatch.setattr(run_module, "_run_batched", lambda *a: (used.append(1), original(*a)))
    for model, grid in (
        (LogisticRegression(solver="newton-cholesky", class_weight={0: 1, 1: 3}, tol=1e-8), {"C": [0.1, 1]}),
        (SVC(class_weight="balanced"), {"C": [0.1, 1]}),
    ):
        stock, ours = both(model, grid, *data, own={"device": "cpu-torch"})
        same_scores(stock, ours, 1e-3)
    assert len(used) == 2


@pytest.mark.parametrize("model, grid", [
    (LDA, {"shrinkage": [0.1, 0.5]}),
    (LR, {"C": [0.01, 1]}),
    (FOREST, {"n_estimators": [5, 10]}),
    (XGB, {"n_estimators": [3, 9]}),
    (SVC(), {"C": [0.1, 1]}),
])  # fmt: skip
def test_three_classes(model, grid):
    X, y = make_classification(200, 12, n_informative=6, n_classes=3, random_state=0)
    stock, ours = both(model, grid, X, y, scoring="accuracy")
    same_scores(stock, ours, 1e-6)


def test_class_weights_and_words_for_labels(data):
    X, y = data
    words = np.array(["good", "scratch"])[y]
    model = SVC(class_weight={"good": 1, "scratch": 4})
    stock, ours = both(model, {"C": [0.1, 1]}, X, words, scoring="accuracy")
    same_scores(stock, ours, 1e-6)
    assert list(ours.classes_) == ["good", "scratch"]


def test_several_scorers_and_a_refit_of_one(data):
    model, grid = scaled(*FAMILIES["lda"][:2])
    scoring = {"auc": "roc_auc", "acc": "accuracy", "loss": "neg_log_loss", "rank": make_scorer(
        roc_auc_score, response_method="decision_function")}  # fmt: skip
    stock, ours = both(model, grid, *data, scoring=scoring, refit="auc")
    same_scores(stock, ours, 1e-4)
    assert ours.best_params_ == stock.best_params_ and ours.multimetric_
    assert set(ours.cv_results_) == set(stock.cv_results_)
    assert ours.score(*data) == pytest.approx(stock.score(*data), abs=1e-6)


def test_a_scorer_of_ones_own_and_a_refit_of_ones_own(data):
    def defects(estimator, X, y):
        return float((estimator.predict(X) == 1).mean())

    last = len(FAMILIES["lda"][1]["shrinkage"]) - 1
    stock, ours = both(LDA, FAMILIES["lda"][1], *data, scoring=defects, refit=lambda results: last)
    same_scores(stock, ours, 1e-9)
    assert ours.best_index_ == last == stock.best_index_


@pytest.mark.parametrize("cv", [
    ShuffleSplit(3, test_size=0.2, random_state=0),
    4,
    [(np.arange(100), np.arange(120, 240)), (np.arange(120, 240), np.arange(100))],
])  # fmt: skip
def test_any_splitter(cv, data):
    model, grid = scaled(*FAMILIES["lda"][:2])
    stock, ours = both(model, grid, *data, cv=cv)
    same_scores(stock, ours, 1e-4)


def test_groups_go_to_the_splitter(data):
    X, y = data
    groups = np.arange(len(X)) // 20
    options = {"scoring": "roc_auc", "cv": GroupKFold(3)}
    stock = GridSearchCV(LDA, FAMILIES["lda"][1], **options).fit(X, y, groups=groups)
    ours = PathSearchCV(LDA, FAMILIES["lda"][1], **options).fit(X, y, groups=groups)
    same_scores(stock, ours, 1e-4)


def test_a_list_of_grids_mixes_paths_and_single_fits(data):
    grid = [
        {"kernel": ["rbf"], "C": [0.1, 1], "gamma": [0.01]},
        {"kernel": ["poly"], "C": [1], "degree": [2, 3]},
        {"kernel": ["linear"], "C": [0.1]},
    ]
    stock, ours = both(SVC(), grid, *data)
    same_scores(stock, ours, 1e-4)
    assert ours.n_fits_ == 5 * 3


def test_a_grid_over_the_steps_before_the_model_is_fitted_cell_by_cell(data):
    model = Pipeline([("scale", StandardScaler()), ("model", LDA)])
    grid = {"scale": [StandardScaler(), MinMaxScaler()], "model__shrinkage": [0.1, 0.5]}
    stock, ours = both(model, grid, *data)
    assert ours.n_fits_ == 12
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], stock.cv_results_["mean_test_score"], atol=1e-12
    )


class Counted(ClassifierMixin, BaseEstimator):
    fits = 0

    def __init__(self, k=1):
        self.k = k

    def fit(self, X, y):
        type(self).fits += 1
        self.model_ = KNeighborsClassifier(self.k).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)

    def predict(self, X):
        return self.model_.predict(X)


def test_an_estimator_without_a_path_falls_back(data):
    stock, ours = both(Counted(), {"k": [1, 5, 9]}, *data)
    same_scores(stock, ours, 0)
    assert ours.n_fits_ == 9
    assert ours.best_estimator_.k == stock.best_params_["k"]


class Failing(Counted):
    def fit(self, X, y):
        if self.k == 5:
            raise ValueError("five is right out")
        return super().fit(X, y)


def test_a_failing_cell_scores_error_score_or_raises(data):
    stock, ours = both(Failing(), {"k": [1, 5]}, *data, error_score=0.25)
    same_scores(stock, ours, 0)
    assert ours.cv_results_["mean_test_score"][1] == 0.25
    with pytest.raises(ValueError, match="right out"):
        PathSearchCV(Failing(), {"k": [1, 5]}, error_score="raise").fit(*data)


def test_settings_that_a_model_refuses_fail_as_in_grid_search(data):
    grid = {"C": [-1.0, 1.0]}
    stock, ours = both(SVC(), grid, *data)
    assert np.isnan(ours.cv_results_["mean_test_score"][0])
    same_scores(stock, ours, 1e-4)


def test_two_searches_give_the_same(data):
    model, grid = scaled(FOREST, FAMILIES["rf"][1])
    first, second = (
        PathSearchCV(model, grid, scoring="roc_auc", cv=3, n_jobs=jobs).fit(*data) for jobs in (1, 1)
    )
    np.testing.assert_array_equal(first.cv_results_["mean_test_score"], second.cv_results_["mean_test_score"])


@pytest.mark.deep
def test_the_intelex_forest_agrees_on_average(data):
    pytest.importorskip("sklearnex")
    X, y = make_classification(600, 30, n_informative=10, flip_y=0.1, random_state=3)
    grid = {"n_estimators": [100, 200], "min_samples_leaf": [1, 3], "max_features": ["sqrt", 0.3]}
    stock = GridSearchCV(FOREST, grid, scoring="roc_auc", cv=5).fit(X, y)
    ours = PathSearchCV(FOREST, grid, scoring="roc_auc", cv=5).fit(X, y)
    difference = ours.cv_results_["mean_test_score"] - stock.cv_results_["mean_test_score"]
    assert np.abs(difference).mean() <= 0.003
    assert ours.n_fits_ == 4 * 5


def test_an_svm_without_room_for_its_kernel_is_left_to_the_solver(data):
    grid = {"C": [0.1, 1], "gamma": [0.01]}
    stock, ours = both(SVC(), grid, *data, own={"memory_budget": 1e-6})
    same_scores(stock, ours, 0)


def test_progress_counts_every_cell(data):
    seen = []
    grid = {"kernel": ["rbf", "sigmoid"], "C": [0.1, 1]}
    PathSearchCV(SVC(), grid, cv=3, progress=lambda done, total: seen.append((done, total))).fit(*data)
    assert seen[-1] == (12, 12)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_device_names_are_checked(data):
    with pytest.raises(ValueError, match="device 'gpu': choose auto, cpu"):
        PathSearchCV(LDA, {"shrinkage": [0.1]}, device="gpu").fit(*data)


KILLED = """
import sys
import time
from classifiers.search import PathSearchCV
from classifiers.search.paths.svm import SVMPath
from sklearn.svm import SVC
from sklearn.datasets import make_classification
original = SVMPath.run
def slow(*arguments):
    print("block", flush=True)
    time.sleep(0.3)
    return original(*arguments)
SVMPath.run = slow
X, y = make_classification(200, 10, random_state=0)
grid = {"C": [0.1, 1], "shrinking": [True], "tol": [1e-3, 1e-4]}
PathSearchCV(SVC(), grid, cv=4, n_jobs=1, checkpoint=sys.argv[1]).fit(X, y)
"""


def test_a_killed_search_goes_on(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    for _ in range(3):
        assert process.stdout.readline().strip() == "block"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    finished = list(tmp_path.glob("*.npz"))
    assert 2 <= len(finished) < 8
    X, y = make_classification(200, 10, random_state=0)
    grid = {"C": [0.1, 1], "shrinking": [True], "tol": [1e-3, 1e-4]}
    ours = PathSearchCV(SVC(), grid, cv=4, n_jobs=1, checkpoint=str(tmp_path)).fit(X, y)
    assert ours.n_fits_ == 16 - 2 * len(finished)
    same_scores(GridSearchCV(SVC(), grid, cv=4).fit(X, y), ours, 1e-9)
    other = PathSearchCV(SVC(), grid, cv=4, n_jobs=1, checkpoint=str(tmp_path)).fit(X + 1, y)
    assert other.n_fits_ == 16


def test_cells_fitted_one_by_one_are_kept_too(data, tmp_path):
    options = {"cv": 3, "checkpoint": str(tmp_path)}
    first = PathSearchCV(Counted(), {"k": [1, 5]}, **options).fit(*data)
    before = Counted.fits
    second = PathSearchCV(Counted(), {"k": [1, 5]}, **options).fit(*data)
    assert Counted.fits == before + 1
    same_scores(first, second, 0)


def test_paths_are_faster_than_fits_in_number(data):
    X, y = data
    for name, fits in (("lda", 3), ("rf", 3 * 2), ("xgb", 3 * 2)):
        search = classifiers.make_search(name, cv=3, n_jobs=1).fit(X, y)
        assert search.n_fits_ == fits, name

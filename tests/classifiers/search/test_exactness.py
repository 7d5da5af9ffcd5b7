"""Examples of searches that once differed from GridSearchCV's, each with its kind's neighbours."""

import warnings

import numpy as np
import pandas as pd
import pytest
from differential import difference
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier

import classifiers
from classifiers.search import PathSearchCV

LDA = LinearDiscriminantAnalysis(solver="lsqr")
NEWTON = LogisticRegression(solver="newton-cholesky", tol=1e-6)
XGB = XGBClassifier(n_estimators=5, random_state=0, n_jobs=1)
FOREST = RandomForestClassifier(5, random_state=0, max_depth=4)


@pytest.fixture(scope="module")
def data():
    return make_classification(120, 10, n_informative=5, flip_y=0.15, random_state=0)


def exact(estimator, grid, X, y, fits=None, tolerance=1e-4, **options):
    found, search = difference(estimator, grid, X, y, **{"cv": StratifiedKFold(3), **options})
    assert found <= tolerance
    if fits is not None:
        assert search.n_fits_ == fits
    return search


@pytest.mark.parametrize("estimator, grid", [
    (LogisticRegression(solver="saga", max_iter=500, random_state=0), {"l1_ratio": [0.0, 0.5, 1.0]}),
    (NEWTON, {"penalty": [None, "l2"]}),
    (LogisticRegression(penalty=None, max_iter=500), {"C": [0.001, 1.0]}),
    (NEWTON, {"C": [np.inf, 1.0]}),
    (NEWTON, {"C": [0.1, 1.0], "max_iter": [2, 100]}),
    (NEWTON, {"C": [0.1], "fit_intercept": [True, False], "intercept_scaling": [1, 5]}),
])  # fmt: skip
def test_penalties_and_solvers_set_by_the_grid_are_followed(estimator, grid, data):
    exact(estimator, grid, *data)


@pytest.mark.parametrize("model", [NEWTON, SVC(), FOREST], ids=["lr", "svm", "rf"])
@pytest.mark.parametrize("labels", [[1, 2], [-1, 1], ["good", "dent"], [2.0, 7.0]], ids=str)
def test_class_weights_go_to_the_class_they_name(model, labels, data):
    X, y = data
    named = np.asarray(labels)[y]
    grid = {"class_weight": [{labels[1]: 50.0}, {labels[0]: 9.0}, {"nobody": 2.0}, "balanced"]}
    exact(model, grid, X, named, tolerance=1e-5 if model is not NEWTON else 1e-4)


@pytest.mark.parametrize("grid", [
    {"missing": [np.nan, 0.0, 1.0]},
    {"n_estimators": [0, 3, None]},
    {"feature_weights": [None, np.arange(1.0, 11.0)], "colsample_bytree": [0.3]},
    {"objective": ["binary:logistic", "binary:hinge"]},
    {"monotone_constraints": [None, {0: 1}]},
])  # fmt: skip
def test_parameters_of_xgboost_set_by_the_grid_are_followed(grid, data):
    X, y = data
    exact(XGB, grid, np.round(X), y, tolerance=1e-6)


def test_labels_that_xgboost_refuses_are_refused(data):
    X, y = data
    exact(XGB, {"n_estimators": [2, 4]}, X, y + 1)


N = 120
ROWS = np.random.default_rng(0)
BOOTSTRAP = [(ROWS.integers(0, N, N), ROWS.permutation(N)[:40]) for _ in range(2)]


@pytest.mark.parametrize("cv", [
    [(np.arange(0, N, 2),) * 2, (np.arange(1, N, 2),) * 2],
    BOOTSTRAP,
    [(np.arange(N) % 3 > 0, np.arange(N) % 3 == 0)],
    [(np.arange(80, dtype="i4"), np.arange(80, 120, dtype="u1"))],
    [(list(range(80)), range(-40, 0))],
    [(np.arange(80), np.arange(80, 120)), (np.arange(80), np.arange(90, 120))],
    [(np.arange(80), np.arange(0))],
    [(np.arange(80), np.arange(119, 123))],
], ids=["overlap", "bootstrap", "mask", "int32", "lists", "equal", "no test rows", "beyond"])  # fmt: skip
@pytest.mark.parametrize("scaled", [False, True])
def test_any_folds_give_the_scores_of_grid_search(cv, scaled, data):
    model = Pipeline([("scale", StandardScaler()), ("model", LDA)]) if scaled else LDA
    grid = {"model__shrinkage" if scaled else "shrinkage": [0.01, 0.3, 0.8]}
    exact(model, grid, *data, cv=cv, tolerance=1e-7)


class Clipped(Pipeline):
    def fit(self, X, y=None, **params):
        return super().fit(np.clip(X, -1, 1), y, **params)


class Halved(SVC):
    def decision_function(self, X):
        return super().decision_function(X) / 2 + 1


@pytest.mark.parametrize("estimator, grid", [
    (Clipped([("scale", StandardScaler()), ("model", LDA)]), {"model__shrinkage": [0.1, 0.9]}),
    (Halved(), {"C": [0.1, 1.0]}),
    (Pipeline([("scale", StandardScaler()), ("model", Halved())]), {"model__C": [0.1, 1.0]}),
])  # fmt: skip
def test_a_subclass_fits_and_answers_in_its_own_way(estimator, grid, data):
    exact(estimator, grid, *data, fits=6, tolerance=0)


class Odd(TransformerMixin, BaseEstimator):
    def __init__(self, kind="nan"):
        self.kind = kind

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        if self.kind == "nan":
            return np.where(X > 1, np.nan, X)
        if self.kind == "half":
            return X.astype(np.float16)
        return X[:, 0]


@pytest.mark.parametrize("kind", ["nan", "half", "vector"])
@pytest.mark.parametrize("model", [LDA, NEWTON, SVC(), FOREST, XGB])
@pytest.mark.parametrize("error_score", [np.nan, "raise"])
def test_a_prefix_that_yields_no_finite_matrix_fails_as_in_grid_search(kind, model, error_score, data):
    name = {LDA: "shrinkage", XGB: "n_estimators", FOREST: "n_estimators"}.get(model, "C")
    values = [0.1, 0.5] if name != "n_estimators" else [2, 4]
    pipeline = Pipeline([("odd", Odd(kind)), ("model", model)])
    exact(pipeline, {f"model__{name}": values}, *data, error_score=error_score)


def test_a_prefix_sees_the_frame_that_it_was_given(data):
    frame = pd.DataFrame(data[0], columns=[f"c{i}" for i in range(10)])
    pick = FunctionTransformer(lambda X: X[["c1", "c3"]].to_numpy())
    pipeline = Pipeline([("pick", pick), ("model", LDA)])
    exact(pipeline, {"model__shrinkage": [0.1, 0.5]}, frame, data[1], fits=3, tolerance=1e-7)


def test_wide_logistic_regression_reaches_the_optimum():
    X, y = make_classification(60, 200, n_informative=10, flip_y=0.2, random_state=0)
    grid = {"C": [1e-3, 1e-2, 0.1, 1.0, 100.0]}
    exact(LogisticRegression(solver="newton-cholesky", tol=1e-8), grid, X, y)
    exact(LogisticRegression(), grid, X, y)
    exact(LogisticRegression(max_iter=5), grid, X, y)


def test_a_cell_that_does_not_converge_warns_as_in_grid_search(data):
    X, y = data
    for model in (LogisticRegression(max_iter=3), NEWTON, LogisticRegression(solver="saga", random_state=0)):
        exact(model, {"C": [1.0, 1e5]}, X.astype(np.float32), y)
    search = PathSearchCV(LogisticRegression(solver="newton-cholesky", max_iter=2), {"C": [100.0]})
    with pytest.warns(ConvergenceWarning):
        search.fit(X, y)


@pytest.mark.parametrize("tol", [1e-2, 1e-3, 1e-8])
def test_a_linear_svm_at_a_large_cost_is_libsvms(tol, data):
    pipeline = Pipeline([("scale", StandardScaler()), ("model", SVC(kernel="linear", tol=tol))])
    exact(pipeline, {"model__C": [1e-3, 1.0, 100.0]}, *data)


def test_svm_visits_copied_rows_in_libsvms_order(data):
    X, y = np.r_[data[0][:50], data[0][:50]], np.r_[data[1][:50], data[1][:50]]
    grid = {"C": [1e-3, 1.0], "kernel": ["linear", "rbf"]}
    exact(Pipeline([("before", PCA(1)), ("model", SVC())]), {f"model__{k}": v for k, v in grid.items()}, X, y)
    exact(SVC(), grid, X, y)


def test_an_svm_past_its_step_limit_is_left_to_the_library(data, monkeypatch):
    from classifiers.search.paths import svm

    monkeypatch.setattr(svm, "_STEPS_PER_ROW", 0)
    search = exact(SVC(), {"C": [1.0, 10.0]}, *data)
    # The path has tried each once, then the library.
    assert search.n_fits_ == 12


def test_a_constant_matrix_has_scikit_learns_gamma():
    exact(SVC(), {"C": [1.0]}, np.ones((40, 3)), np.arange(40) % 2)


@pytest.mark.parametrize("solver", ["lsqr", "eigen"])
@pytest.mark.parametrize("priors", [[0.5, 0.5], [0.9, 0.1]])
def test_lda_with_priors_is_one_fit_per_fold(solver, priors, data):
    model = LinearDiscriminantAnalysis(solver=solver, priors=priors)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", model)])
    exact(pipeline, {"model__shrinkage": [0.01, 0.1, 0.5, 0.9]}, *data, fits=3, tolerance=1e-7)


def test_priors_that_are_not_valid_fail_as_in_grid_search(data):
    grid = {"shrinkage": [0.1], "priors": [[0.5, 0.6], [-0.5, 1.5], [0.2, 0.3, 0.5], [0.0, 1.0]]}
    exact(LDA, grid, *data)


def test_lda_of_three_classes_far_from_zero_has_the_librarys_decision_values():
    X, y = make_classification(90, 8, n_informative=6, n_classes=3, random_state=0)
    exact(LDA, {"shrinkage": [0.01, 0.9]}, X + 5, y, fits=3, tolerance=1e-7)


def test_a_column_that_is_constant_on_a_fold_is_not_divided_by_rounding(data):
    X, y = data[0].copy(), data[1]
    X[:, 0] = np.where(np.arange(N) < 40, 1e6 * X[:, 0], 3.0)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", LDA)])
    cv = [(np.arange(40, N), np.arange(40)), (np.arange(80), np.arange(80, N))]
    exact(pipeline, {"model__shrinkage": [0.01, 0.5]}, X, y, cv=cv)


def test_ordinary_grids_are_solved_by_paths(data):
    """The default grids take the fits that their paths need, and no cell is fitted singly."""
    X, y = data[0].astype(np.float32), data[1]
    for name, grid, fits in (
        ("lda", "small", 3), ("lda", "full", 3), ("rf", "small", 6), ("xgb", "small", 6),
        ("xgb", "full", 12), ("svm", "small", 36), ("lr", "small", 15),
    ):  # fmt: skip
        calls = []
        search = classifiers.make_search(name, grid=grid, cv=3, n_jobs=1, refit=False)
        original = search._answer
        search._answer = lambda *a, original=original, calls=calls: calls.append(original(*a)) or calls[-1]
        search.fit(X, y)
        cells = len(search.cv_results_["params"])
        assert search.n_fits_ == fits, name
        assert len(calls[0].responses) >= (0.6 if name == "lr" else 1.0) * 3 * cells, name


def test_balanced_searches_are_solved_by_paths(data):
    X, y = data
    params = classifiers.get_spec("lda").balance(y)
    assert classifiers.make_search("lda", cv=3, params=params, n_jobs=1).fit(X, y).n_fits_ == 3


def test_a_scorer_that_looks_at_the_model_gets_the_fitted_model(data):
    def shrinkage(estimator, X, y):
        return estimator.shrinkage + 0 * estimator.coef_.sum()

    scoring = {"own": shrinkage, "auc": "roc_auc"}
    search = PathSearchCV(LDA, {"shrinkage": [0.1, 0.5]}, scoring=scoring, refit="own", cv=3).fit(*data)
    assert search.best_params_ == {"shrinkage": 0.5} and search.n_fits_ == 6


def test_the_configuration_holds_in_threads(data):
    with config_context(transform_output="pandas"):
        pipeline = Pipeline([("scale", StandardScaler()), ("model", SVC())])
        exact(pipeline, {"model__C": [0.1, 1.0]}, *data)


def test_an_error_of_a_path_is_reported_where_the_library_has_none(data, monkeypatch):
    from classifiers.search.paths import discriminant

    def broken(*arguments):
        raise RuntimeError("a bug")

    monkeypatch.setattr(discriminant, "eigh", broken)
    with pytest.warns(RuntimeWarning, match="DiscriminantPath failed .RuntimeError: a bug"):
        search = PathSearchCV(LDA, {"shrinkage": [0.1, 0.5]}, cv=3).fit(*data)
    assert search.n_fits_ == 6


def test_cells_in_processes_score_as_in_one(data):
    grid = {"kernel": ["poly", "rbf"], "C": [0.1, 1.0]}
    one, two = (PathSearchCV(SVC(), grid, cv=3, n_jobs=jobs).fit(*data) for jobs in (1, 2))
    np.testing.assert_array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])


def test_verbose_prints_what_grid_search_prints(data, capsys):
    texts = []
    for kind in (GridSearchCV, PathSearchCV):
        kind(LDA, {"shrinkage": [0.1, 0.5]}, cv=2, verbose=3, scoring="roc_auc").fit(*data)
        texts.append(
            [line.split(" total time")[0].replace(".", "") for line in capsys.readouterr().out.splitlines()]
        )
    assert texts[0] == texts[1] and len(texts[0]) == 5


def test_no_warning_of_a_search_that_works(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("lda", "svm", "rf", "xgb"):
            classifiers.make_search(name, cv=3, n_jobs=1).fit(*data)

"""PathSearchCV against GridSearchCV on searches that hypothesis draws.

The suite runs 300 draws, `SUITE` of each family, the same ones every time; `-m deep` runs 5,000, or
`DEFECTBENCH_DRAWS` of them.
"""

import os

import numpy as np
import pandas as pd
import pytest
from differential import difference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier

#: Draws of each of the five families.
SUITE = 60
DEEP = int(os.environ.get("DEFECTBENCH_DRAWS", "5000"))
FAMILIES = ("lda", "lr", "svm", "rf", "xgb")
LABELS = {
    "01": [0, 1, 2],
    "12": [1, 2, 3],
    "words": ["good", "dent", "scratch"],
    "objects": np.array(["b", "a", "c"], object),
    "bools": [False, True, True],
    "floats": [0.0, 1.0, 2.0],
    "minus": [-1, 1, 3],
}


def some(options):
    """One to three different values of a parameter."""
    return st.lists(st.sampled_from(options), min_size=1, max_size=3, unique_by=repr)


def grids(always, sometimes):
    """A grid over the parameters of `always` and up to two of `sometimes`."""
    keys = st.lists(st.sampled_from(sorted(sometimes)), max_size=2, unique=True) if sometimes else st.just([])
    return keys.flatmap(
        lambda chosen: st.fixed_dictionaries(
            {**{k: some(v) for k, v in always.items()}, **{k: some(sometimes[k]) for k in chosen}}
        )
    )


def weights(classes):
    by_name = dict(zip(classes, (1.0, 5.0, 0.5), strict=False))
    return [None, "balanced", by_name, {classes[1]: 20.0}, {classes[0]: 3.0}, {"unknown": 2.0}]


def families(classes):
    """For each family: tolerance, estimators, parameters that are always and sometimes in the grid."""
    return {
        "lda": (
            1e-4,
            [LinearDiscriminantAnalysis(solver=s) for s in ("lsqr", "eigen", "svd")],
            {"shrinkage": [None, "auto", 1e-4, 0.01, 0.1, 0.5, 0.9, 1.0, 0, 2.0]},
            {
                "priors": [None, [0.5, 0.5], [0.2, 0.8], [0.2, 0.3, 0.5], [0.5, 0.6], [0.0, 1.0]],
                "solver": ["lsqr", "eigen", "svd"],
                "n_components": [None, 1, 5],
                "store_covariance": [True, False],
            },
        ),
        "lr": (
            1e-4,
            [
                LogisticRegression(solver="newton-cholesky", tol=1e-6, random_state=0),
                LogisticRegression(solver="newton-cholesky", random_state=0),
                LogisticRegression(solver="newton-cholesky", tol=1e-9, fit_intercept=False, random_state=0),
                LogisticRegression(random_state=0),
                LogisticRegression(solver="liblinear", random_state=0),
                LogisticRegression(solver="saga", random_state=0, max_iter=20),
            ],
            {"C": [1e-4, 1e-2, 0.1, 1.0, 100.0, 1e4, np.inf, -1.0]},
            {
                "l1_ratio": [0.0, 0.5, 1.0, None],
                "penalty": [None, "l2", "l1", "deprecated"],
                "class_weight": weights(classes),
                "solver": ["newton-cholesky", "lbfgs", "newton-cg", "saga"],
                "tol": [1e-2, 1e-6, 1e-12],
                "max_iter": [3, 100],
                "fit_intercept": [True, False],
                "intercept_scaling": [1, 10],
                "warm_start": [False, True],
                "n_jobs": [None, 1],
            },
        ),
        "svm": (
            1e-4,
            [SVC(), SVC(kernel="linear"), SVC(tol=1e-6)],
            {"C": [1e-3, 0.1, 1.0, 10.0, 1000.0, 0.0]},
            {
                "kernel": ["rbf", "linear", "poly", "sigmoid", "nonsense"],
                "gamma": ["scale", "auto", 1e-4, 0.1, 10.0],
                "class_weight": weights(classes),
                "tol": [1e-1, 1e-3, 1e-8],
                "shrinking": [True, False],
                "max_iter": [-1, 2],
                "probability": [False, "deprecated"],
                "break_ties": [False, True],
                "degree": [2, 3],
            },
        ),
        "rf": (
            1e-6,
            [
                RandomForestClassifier(5, random_state=0, max_depth=4),
                RandomForestClassifier(5, random_state=np.random.RandomState(3), bootstrap=False),
            ],
            {"n_estimators": [1, 3, 7, 0]},
            {
                "max_features": ["sqrt", "log2", 0.5, None, 1, 100],
                "min_samples_leaf": [1, 3, 0.1],
                "class_weight": [*weights(classes), "balanced_subsample"],
                "criterion": ["gini", "entropy"],
                "max_samples": [None, 0.5],
                "warm_start": [False, True],
                "oob_score": [False, True],
                "ccp_alpha": [0.0, 0.01],
                "bootstrap": [True, False],
            },
        ),
        "xgb": (
            1e-6,
            [XGBClassifier(n_estimators=3, random_state=0, n_jobs=1)],
            {"n_estimators": [None, 0, 1, 4, 9, -1], "max_depth": [2, 4]},
            {
                "missing": [np.nan, 0.0, 1.0],
                "max_bin": [None, 8, 64],
                "learning_rate": [0.1, 1.0],
                "booster": [None, "gbtree", "gblinear", "dart"],
                "tree_method": [None, "hist", "exact", "approx"],
                "subsample": [1.0, 0.5],
                "scale_pos_weight": [1.0, 3.0],
                "feature_weights": [None, "each"],
                "max_delta_step": [0, 1],
                "num_parallel_tree": [1, 2],
                "base_score": [None, 0.3],
                "objective": ["binary:logistic", "binary:hinge", "binary:logitraw"],
                "grow_policy": ["depthwise", "lossguide"],
                "monotone_constraints": [None, {0: 1}],
                "enable_categorical": [False, True],
            },
        ),
    }


@st.composite
def data(draw, family):
    classes = draw(st.sampled_from([2, 2, 2, 3]))
    names = draw(st.sampled_from(sorted(LABELS) + ["01"] * 4))
    if names == "bools":
        classes = 2
    n, d = draw(st.sampled_from([(60, 5), (90, 12), (150, 20), (30, 40), (40, 1), (61, 3)]))
    seed = draw(st.integers(0, 10_000))
    informative = max(1, min(d, 5 if classes == 2 else 6))
    if 2**informative < 2 * classes:
        classes = 2
    X, codes = make_classification(
        n, d, n_informative=informative, n_redundant=min(2, d - informative), n_repeated=0,
        n_clusters_per_class=1, n_classes=classes, flip_y=draw(st.sampled_from([0.0, 0.1, 0.4])),
        weights=draw(st.sampled_from([None, [0.8]])) if classes == 2 else None, random_state=seed,
    )  # fmt: skip
    X *= draw(st.sampled_from([1.0, 1.0, 100.0]))
    change = draw(st.sampled_from(["none"] * 5 + ["constant", "rounded", "far", "copied", "twice", "nan"]))
    if change == "constant":
        X[:, 0] = 7.0
    elif change == "rounded":
        X = np.round(X)
    elif change == "far":
        X += 1000.0
    elif change == "copied":
        X[: n // 2] = X[n // 2 : n // 2 * 2]
    elif change == "twice":
        X[:, -1] = X[:, 0]
    elif change == "nan":
        X[3, 0] = np.nan
    if not np.isnan(X).any():
        X = X.astype(draw(st.sampled_from(["f8"] * 4 + ["f4", "f2", "i4", "i8"])))
    kind = draw(st.sampled_from(["array"] * 6 + ["frame", "list", "sparse", "fortran"]))
    y = np.asarray(LABELS[names])[codes]
    return kind, X, y, names


@st.composite
def searches(draw, among=FAMILIES):
    family = draw(st.sampled_from(among))
    kind, X, y, names = draw(data(family))
    classes = list(np.unique(y))
    n = len(X)
    tolerance, estimators, always, sometimes = families(classes)[family]
    estimator, grid = draw(st.sampled_from(estimators)), draw(grids(always, sometimes))
    if "feature_weights" in grid:
        ones = np.linspace(0.1, 1, X.shape[1])
        grid["feature_weights"] = [None if each is None else ones for each in grid["feature_weights"]]
    prefix = draw(st.sampled_from(["none"] * 3 + ["scale"] * 4 + ["minmax", "pca", "log", "uncentred"]))
    if family == "svm" and np.abs(np.nan_to_num(np.asarray(X, float))).max() > 15:
        prefix = "scale"  # LIBSVM takes minutes on rows of large numbers.
    if prefix != "none":
        step = {
            "scale": StandardScaler(), "minmax": MinMaxScaler(), "pca": PCA(1, random_state=0),
            "log": FunctionTransformer(np.log), "uncentred": StandardScaler(with_mean=False),
        }[prefix]  # fmt: skip
        estimator = Pipeline([("before", step), ("empty", "passthrough"), ("model", estimator)])
        grid = {f"model__{name}": values for name, values in grid.items()}
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    boot = [(rng.integers(0, n, n), rng.permutation(n)[: n // 3]) for _ in range(2)]
    mask = np.arange(n) % 3 == 0
    cv = draw(
        st.sampled_from(
            [
                StratifiedKFold(3, shuffle=True, random_state=1), StratifiedKFold(2), KFold(2),
                ShuffleSplit(2, test_size=0.3, random_state=0), boot, [(~mask, mask)],
                [(np.flatnonzero(~mask).astype("i4"), np.flatnonzero(mask).astype("u2"))],
                [(np.arange(n), np.arange(n)), (np.arange(n), np.arange(n // 2))],
                [(list(range(0, n, 2)), list(range(-n + 1, 0, 2)))], 2,
                [(np.arange(n), np.array([], int))], [(np.arange(n + 1), np.arange(3))],
            ]
        )
    )  # fmt: skip
    if kind == "frame":
        X = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    elif kind == "list":
        X = X.tolist()
    elif kind == "sparse":
        X = csr_matrix(X.astype(float))
    elif kind == "fortran":
        X = np.asfortranarray(X)
    fit_params = {}
    if draw(st.sampled_from([False] * 9 + [True])):
        name = "sample_weight" if prefix == "none" else "model__sample_weight"
        fit_params[name] = rng.uniform(0.5, 2, n)
    error_score = draw(st.sampled_from([np.nan, np.nan, "raise", 0.5]))
    options = {"cv": cv, "error_score": error_score, "fit_params": fit_params}
    return family, tolerance, estimator, grid, X, y, options


def compare(search):
    family, tolerance, estimator, grid, X, y, options = search
    response = "predict_proba" if family in ("rf", "xgb") else "decision_function"
    found, _ = difference(estimator, grid, X, y, response=response, **options)
    assert found <= tolerance, f"{family}: answers differ by {found:.2e}"


quiet = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck), "print_blob": True}


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=SUITE, derandomize=True, **quiet)
@given(data=st.data())
def test_searches_answer_as_grid_search(family, data):
    compare(data.draw(searches((family,))))


@pytest.mark.deep
@settings(max_examples=DEEP, **quiet)
@given(searches())
def test_many_searches_answer_as_grid_search(search):
    compare(search)

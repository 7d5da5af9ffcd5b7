"""What a search keeps on disk, where it computes, and what it imports."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier

from classifiers.search import PathSearchCV
from classifiers.search import path_search as path_search_module
from classifiers.search.identity import cell_key, fingerprint
from classifiers.search.paths import boosting

LDA = LinearDiscriminantAnalysis(solver="lsqr")
XGB = XGBClassifier(n_estimators=5, random_state=0, n_jobs=1)
FOREST = RandomForestClassifier(5, random_state=0, max_depth=4)


@pytest.fixture(scope="module")
def data():
    return make_classification(120, 10, n_informative=5, flip_y=0.15, random_state=0)


# Checkpoints


def search_at(folder, estimator=FOREST, grid=None, cv=2, scoring="neg_log_loss", **options):
    return PathSearchCV(
        estimator, grid or {"n_estimators": [3, 5]}, cv=cv, scoring=scoring, checkpoint=str(folder), **options
    )


def test_a_checkpoint_knows_its_engine_and_its_device(data, tmp_path):
    stock = search_at(tmp_path, accelerate=False).fit(*data)
    assert search_at(tmp_path, accelerate=True).fit(*data).n_fits_ == 2
    assert search_at(tmp_path, accelerate=False).fit(*data).n_fits_ == 0
    assert stock.n_fits_ == 2
    lda = {"estimator": LDA, "grid": {"shrinkage": [0.1, 0.5]}}
    search_at(tmp_path, **lda, device="cpu").fit(*data)
    assert search_at(tmp_path, **lda, device="cpu-torch").fit(*data).n_fits_ == 2


def test_a_checkpoint_tells_two_functions_of_one_name_apart(data, tmp_path):
    def made(power):
        def score(y, p):
            return float(np.mean(np.abs(y - p) ** power))

        return make_scorer(score, response_method="predict_proba")

    first = search_at(tmp_path, SVC(), {"kernel": ["poly"]}, scoring=lambda model, X, y: 1.0).fit(*data)
    second = search_at(tmp_path, SVC(), {"kernel": ["poly"]}, scoring=lambda model, X, y: 2.0).fit(*data)
    assert (first.best_score_, second.best_score_) == (1.0, 2.0)
    assert fingerprint(made(1)) != fingerprint(made(2))
    assert fingerprint(made(1)) == fingerprint(made(1))


def test_a_checkpoint_knows_the_rows_of_its_folds(data, tmp_path):
    train, other = np.arange(60), np.arange(60, 120)
    for cv in ([(train, other)], [(train, other[:30])], [(train, other[:30]), (train, other[30:])]):
        search = search_at(tmp_path, LDA, {"shrinkage": [0.1, 0.5]}, cv=cv).fit(*data)
        right = GridSearchCV(LDA, {"shrinkage": [0.1, 0.5]}, cv=cv, scoring="neg_log_loss").fit(*data)
        for fold in range(len(cv)):
            key = f"split{fold}_test_score"
            np.testing.assert_allclose(search.cv_results_[key], right.cv_results_[key], rtol=1e-7)


def test_cells_of_long_arrays_have_keys_of_their_own():
    first, second = np.zeros(5000), np.zeros(5000)
    second[2500] = 1.0
    assert repr(first) == repr(second)
    assert cell_key({"feature_weights": first}) != cell_key({"feature_weights": second})


# Devices


def test_cpu_means_cpu_also_where_there_is_a_gpu(data, monkeypatch):
    import torch

    def asked():
        raise AssertionError("the GPU was asked for")

    monkeypatch.setattr(torch.cuda, "is_available", asked)
    for model, grid in ((LDA, {"shrinkage": [0.1]}), (XGB, {"n_estimators": [2, 4]}), (SVC(), {"C": [1.0]})):
        PathSearchCV(model, grid, cv=2, device="cpu").fit(*data)


@pytest.fixture
def seen(monkeypatch):
    """A stub in place of the GPU: the devices that XGBoost is asked for; it computes on the CPU."""
    seen = []
    train, fit = boosting.xgboost.train, XGBClassifier.fit

    def trained(params, *arguments, **options):
        seen.append(("train", params.pop("device", None)))
        return train(params, *arguments, **options)

    def fitted(self, *arguments, **options):
        seen.append(("fit", self.device))
        device, self.device = self.device, None
        try:
            return fit(self, *arguments, **options)
        finally:
            self.device = device

    monkeypatch.setattr(path_search_module, "_device", lambda name: "cuda")
    monkeypatch.setattr(boosting.xgboost, "train", trained)
    monkeypatch.setattr(XGBClassifier, "fit", fitted)
    return seen


def test_xgboost_on_a_gpu_runs_alone_and_refits_there(data, seen):
    search = PathSearchCV(XGB, {"n_estimators": [2, 4], "max_depth": [2, 3]}, cv=2, n_jobs=4).fit(*data)
    assert seen == [("train", "cuda")] * 4 + [("fit", "cuda")]
    assert search.best_estimator_.device is None
    search.best_estimator_.predict(data[0])


@pytest.mark.parametrize("model", [XGB, make_pipeline(StandardScaler(), XGB)])
def test_xgboost_selected_on_held_out_rows_is_fitted_on_the_device_of_the_search(data, seen, model):
    name = "n_estimators" if model is XGB else "xgbclassifier__n_estimators"
    search = PathSearchCV(model, {name: [2, 4]}, cv=2, refit=False).fit(*data)
    seen.clear()
    X, y = data
    best = search.fit_best(X[:40], y[:40])
    assert seen == [("fit", "cuda")]
    alone = clone(model).set_params(**search.best_params_).fit(X[:40], y[:40])
    np.testing.assert_array_equal(best.predict_proba(X), alone.predict_proba(X))
    assert best.get_params()[name] == search.best_params_[name]
    assert (best if model is XGB else best[-1]).device is None


# Imports

LIGHT = """
import sys
import classifiers.search
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.svm import SVC
import numpy as np
loaded = {"numba", "torch", "xgboost"} & set(sys.modules)
assert not loaded, loaded
X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
search = classifiers.search.PathSearchCV
search(LinearDiscriminantAnalysis(solver="lsqr"), {"shrinkage": [0.1]}, device="cpu", cv=2).fit(X, y)
assert "numba" not in sys.modules and "torch" not in sys.modules
assert search(SVC(), {"C": [0.1, 1]}, device="cpu", cv=2).fit(X, y).n_fits_ == 4
print("fine")
"""


def run_light(before, light):
    found = subprocess.run([sys.executable, "-c", before + light], capture_output=True, text=True)
    assert found.stdout.strip() == "fine", found.stderr


def test_the_search_imports_numba_torch_and_xgboost_only_when_a_model_asks():
    run_light("", LIGHT)


def test_the_search_runs_where_numba_can_write_no_cache():
    before = "import numba.core.caching as caching\ncaching.CacheImpl._locator_classes = []\n"
    light = LIGHT.replace('"numba", ', "").replace('"numba" not in sys.modules and ', "")
    # Without a place to write to, numba refuses to cache.
    refused = "import numba\ntry:\n    numba.njit(cache=True)(lambda x: x)\n"
    refused += "except RuntimeError:\n    pass\nelse:\n    raise AssertionError\n"
    run_light(before + refused, light)

"""What every model of the registry must do; a new model is covered without a new test."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid, cross_val_score

import classifiers
from features.errors import InputError


def cells(name, grid):
    return list(ParameterGrid(classifiers.get_spec(name).grids[grid]))


def test_every_model_clones_with_its_parameters(case, make):
    name, X, y = case
    model = make(name)
    copy = clone(model)
    assert repr(copy.get_params()) == repr(model.get_params())
    for seed in (key for key in model.get_params() if key.endswith("random_state")):
        assert copy.set_params(**{seed: 7}).get_params()[seed] == 7


def test_every_model_repeats_by_its_seed(fitted, case, make, scores):
    name, first, X = fitted
    second = make(name).fit(X, case[2])
    np.testing.assert_array_equal(scores(first, X), scores(second, X))


def test_every_model_keeps_string_classes_in_order_or_refuses_them(case, make):
    name, X, y = case
    words = np.array(["good", "scratch"])[y]
    try:
        model = make(name).fit(X, words)
    except ValueError as refused:
        assert "good" in str(refused)
        return
    assert list(model.classes_) == ["good", "scratch"]
    assert set(model.predict(X)) <= {"good", "scratch"}


def test_every_model_works_inside_grid_search(case, make):
    name, X, y = case
    model = make(name)
    key = next(iter(cells(name, "small")[0])) if classifiers.get_spec(name).kind == "classical" else "size"
    search = GridSearchCV(model, {key: [model.get_params()[key]]}, cv=2, scoring="roc_auc")
    search.fit(X, y)
    assert 0 <= search.best_score_ <= 1
    assert 0 <= search.best_estimator_.score(X, y) <= 1


def test_every_entry_is_complete():
    for name in classifiers.names():
        spec = classifiers.get_spec(name)
        assert spec.name == name and spec.title and spec.summary
        assert spec.kind in ("classical", "cnn", "patches")
        assert set(spec.grids) == ({"small", "full"} if spec.kind == "classical" else set())
    titles = [classifiers.get_spec(name).title for name in classifiers.names()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", classifiers.names("classical"))
@pytest.mark.parametrize("grid", ["small", "full"])
def test_every_grid_names_parameters_of_its_model(name, grid):
    params = set(classifiers.make_classifier(name).get_params())
    assert {key for cell in cells(name, grid) for key in cell} <= params


@pytest.mark.parametrize("name", classifiers.names("classical"))
def test_every_balance_gives_parameters_of_its_model(name, embeddings, make):
    X, y = embeddings
    balance = classifiers.get_spec(name).balance
    if balance is not None:
        rare = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:8]]
        plain, equal = (
            make(name, **params).fit(X[rare], y[rare]).predict(X) for params in ({}, balance(y[rare]))
        )
        assert equal.sum() >= plain.sum()


@pytest.mark.parametrize("name", classifiers.names("classical"))
def test_every_search_selects_and_refits(name, embeddings):
    X, y = embeddings
    search = classifiers.make_search(name, cv=3, n_jobs=1, accelerate=False)
    search.fit(X, y)
    assert search.best_score_ > 0.7
    assert cross_val_score(search.best_estimator_, X, y, cv=3, scoring="roc_auc").mean() == pytest.approx(
        search.best_score_, abs=1e-4
    )


def test_unknown_models_and_grids_are_named():
    with pytest.raises(InputError, match="no model 'mlp'; there are: lda"):
        classifiers.make_classifier("mlp")
    with pytest.raises(InputError, match="no grid 'huge'; it has: small, full"):
        classifiers.make_search("lda", grid="huge")


def test_listing_the_models_imports_no_library_that_takes_seconds():
    code = (
        "import sys, classifiers\n"
        "print([classifiers.get_spec(name).title for name in classifiers.names()])\n"
        "heavy = {'torch', 'torchvision', 'sklearn', 'scipy', 'xgboost', 'skorch', 'numba'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ResNet-18 FBP" in done.stdout


@pytest.mark.parametrize("name", classifiers.names("cnn"))
def test_every_network_has_the_defaults_that_its_entry_states(name):
    spec, params = classifiers.get_spec(name), classifiers.make_classifier(name).get_params()
    assert {key: params[key] for key in spec.defaults} == {key: spec.parameter(key) for key in spec.defaults}
    assert spec.parameter("size") == params["size"] and spec.parameter("epochs") == params["epochs"]


def test_sizes_and_epochs_of_networks_are_known_without_torch():
    code = "import sys, classifiers as c; [c.get_spec(n).parameter(k) for n in c.names('cnn') for k in"
    code += " ('size', 'epochs')]; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

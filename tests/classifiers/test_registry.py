import numpy as np
import pytest
from made import small_network, spots
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

import classifiers
from classifiers.saving import load_classifier, read_card, save_classifier
from features.errors import InputError

SMALL = {"rf": {"n_estimators": 10}, "xgb": {"n_estimators": 10}}


def make(name, **params):
    small = small_network(name) if classifiers.get_spec(name).kind == "cnn" else SMALL.get(name, {})
    return classifiers.make_classifier(name, **{**small, "random_state": 0, **params})


@pytest.fixture(scope="module")
def embeddings():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    return rng.normal(0, 1, (80, 12)).astype(np.float32) + y[:, None] * 0.8, y


@pytest.fixture(scope="module")
def images():
    return spots(60)


@pytest.fixture(params=classifiers.names())
def case(request, embeddings, images):
    """A model of the registry and data of its kind."""
    kind = classifiers.get_spec(request.param).kind
    return request.param, *(images if kind == "cnn" else embeddings)


@pytest.fixture
def fitted(case):
    """The case with its model fitted, once for all tests that only look at it."""
    name, X, y = case
    if name not in _FITTED:
        _FITTED[name] = make(name).fit(X, y)
    return name, _FITTED[name], X


_FITTED = {}


def scores(model, X):
    decide = getattr(model, "predict_proba", None) or model.decision_function
    return decide(X)


def test_every_model_clones_with_its_parameters(case):
    name, X, y = case
    model = make(name)
    copy = clone(model)
    assert repr(copy.get_params()) == repr(model.get_params())
    seed = next(key for key in model.get_params() if key.endswith("random_state")) if name != "lda" else None
    if seed:
        assert copy.set_params(**{seed: 7}).get_params()[seed] == 7


def test_every_model_repeats_by_its_seed(case):
    name, X, y = case
    first, second = (scores(make(name).fit(X, y), X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_every_model_keeps_string_classes_in_order(case):
    name, X, y = case
    if name == "xgb":
        pytest.skip("XGBClassifier takes codes 0, 1, ... only")
    words = np.array(["good", "scratch"])[y]
    model = make(name).fit(X, words)
    assert list(model.classes_) == ["good", "scratch"]
    assert set(model.predict(X)) <= {"good", "scratch"}


def test_every_model_works_inside_grid_search(case):
    name, X, y = case
    model = make(name)
    key = next(k for k in ("size", "model__C", "model__max_depth", "model__shrinkage", "model__tol")
               if k in model.get_params())  # fmt: skip
    search = GridSearchCV(model, {key: [model.get_params()[key]]}, cv=2, scoring="roc_auc")
    search.fit(X, y)
    assert 0 <= search.best_score_ <= 1
    assert 0 <= search.best_estimator_.score(X, y) <= 1


def test_every_model_saves_and_loads_with_the_same_scores(fitted, tmp_path):
    name, model, X = fitted
    save_classifier(name, model, tmp_path / "model", {"threshold": 0.25})
    loaded = load_classifier(tmp_path / "model", device="cpu")
    np.testing.assert_array_equal(scores(loaded, X), scores(model, X))
    assert read_card(tmp_path / "model")["threshold"] == 0.25
    assert not list((tmp_path / "model").glob("*.pkl"))


def test_every_saved_model_checks_its_versions(fitted, tmp_path):
    name, model, _ = fitted
    save_classifier(name, model, tmp_path / "model")
    card = tmp_path / "model" / "model.json"
    library = "torch" if classifiers.get_spec(name).kind == "cnn" else "scikit-learn"
    here = read_card(tmp_path / "model")["versions"][library]
    card.write_text(card.read_text().replace(f'"{library}": "{here}"', f'"{library}": "99.0"'))
    with pytest.raises(InputError, match=f"saved with {library} 99.0"):
        load_classifier(tmp_path / "model")


def test_every_damaged_model_is_named(fitted, tmp_path):
    name, model, _ = fitted
    save_classifier(name, model, tmp_path / "model")
    body = next(p for p in (tmp_path / "model").iterdir() if p.name != "model.json")
    body.write_bytes(body.read_bytes()[: body.stat().st_size // 2])
    with pytest.raises(InputError, match="damaged"):
        load_classifier(tmp_path / "model")


@pytest.mark.parametrize("name", classifiers.names("classical"))
@pytest.mark.parametrize("grid", ["small", "full"])
def test_every_grid_names_parameters_of_its_model(name, grid):
    spec = classifiers.get_spec(name)
    cells = spec.grids[grid] if isinstance(spec.grids[grid], list) else [spec.grids[grid]]
    assert {key for cell in cells for key in cell} <= set(spec.make().get_params())


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


def test_a_foreign_type_in_a_file_is_refused(tmp_path, embeddings):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    X, y = embeddings
    model = make("lda").fit(X, y)
    save_classifier("lda", model, tmp_path / "model")
    import skops.io

    bad = make_pipeline(FunctionTransformer(np.array2string), model).fit
    skops.io.dump(bad.__self__, tmp_path / "model" / "estimator.skops")
    with pytest.raises(InputError, match="which no model of ours does"):
        load_classifier(tmp_path / "model")

import numpy as np
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import classifiers
from classifiers import registry
from classifiers.saving import load_classifier, read_card, save_classifier, types_of_fitted
from classifiers.spec import ClassifierSpec, standardised
from features.errors import InputError


def test_every_model_saves_and_loads_with_the_same_scores(fitted, scores, tmp_path):
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
def test_every_calibrated_model_loads(name, embeddings, make, tmp_path):
    X, y = embeddings
    model = CalibratedClassifierCV(make(name), cv=2).fit(X, y)
    save_classifier(name, model, tmp_path / "model")
    np.testing.assert_array_equal(
        load_classifier(tmp_path / "model").predict_proba(X), model.predict_proba(X)
    )


@pytest.mark.parametrize("name", classifiers.names("classical"))
def test_every_type_a_model_trusts_is_in_the_model(name):
    assert set(classifiers.get_spec(name).trusted) <= types_of_fitted(name)


def save_foreign(name, estimator, folder, fitted):
    save_classifier(name, fitted, folder)
    skops.io.dump(estimator, folder / "estimator.skops")


@pytest.mark.parametrize("name", classifiers.names("classical"))
def test_a_foreign_type_in_a_file_is_refused(name, embeddings, make, tmp_path):
    X, y = embeddings
    model = make(name).fit(X, y)
    save_foreign(name, make_pipeline(FunctionTransformer(np.array2string), model), tmp_path / "model", model)
    with pytest.raises(InputError, match=f"holds numpy.array2string, which a fitted {name} does not contain"):
        load_classifier(tmp_path / "model")


def test_a_type_of_another_model_is_refused(embeddings, make, tmp_path):
    X, y = embeddings
    save_foreign("lda", make("rf").fit(X, y), tmp_path / "model", make("lda").fit(X, y))
    with pytest.raises(InputError, match=r"Tree, which a fitted lda does not contain"):
        load_classifier(tmp_path / "model")


def test_a_new_model_loads_without_a_list_of_its_types(embeddings, monkeypatch, tmp_path):
    def make_toy(random_state=None, **params):
        return standardised(KNeighborsClassifier(**params))

    spec = ClassifierSpec(name="toy", title="Toy", kind="classical", make=make_toy, summary="neighbours")
    monkeypatch.setitem(registry._REGISTRY, "toy", spec)
    X, y = embeddings
    model = spec.make().fit(X, y)
    assert "KDTree" in " ".join(skops.io.get_untrusted_types(data=skops.io.dumps(model)))
    save_classifier("toy", model, tmp_path / "model")
    np.testing.assert_array_equal(
        load_classifier(tmp_path / "model").predict_proba(X), model.predict_proba(X)
    )

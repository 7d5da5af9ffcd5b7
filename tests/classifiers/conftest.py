"""Models of the registry, each fitted once for all tests that only look at it."""

import numpy as np
import pytest
from made import models, small_network, spots

import classifiers

#: Parameters that make a model fast enough for a test; a model that is not listed keeps its defaults.
SMALL = {
    "rf": {"n_estimators": 10},
    "xgb": {"n_estimators": 10},
    "patchcore": {"weights": "random", "size": 32, "share": 0.5},
}


@pytest.fixture(scope="session")
def make():
    """Make a small model of the registry."""

    def small(name, **params):
        small = small_network(name) if classifiers.get_spec(name).kind == "cnn" else SMALL.get(name, {})
        return classifiers.make_classifier(name, **{**small, "random_state": 0, **params})

    return small


@pytest.fixture(scope="session")
def embeddings():
    """Embeddings (80, 12) and labels of 0 and 1."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    return rng.normal(0, 1, (80, 12)).astype(np.float32) + y[:, None] * 0.8, y


@pytest.fixture(scope="session")
def images():
    """Images (60, 32, 32) and labels of 0 and 1."""
    return spots(60)


@pytest.fixture(scope="session", params=models())
def case(request, embeddings, images):
    """A model of the registry and data of its kind."""
    kind = classifiers.get_spec(request.param).kind
    return request.param, *(embeddings if kind == "classical" else images)


@pytest.fixture(scope="session")
def fitted(case, make):
    """The case with its model fitted; tests must not change the model."""
    name, X, y = case
    return name, make(name).fit(X, y), X


@pytest.fixture(scope="session")
def scores():
    """Function of a fitted model and its input: probabilities, or decision values where there are none."""

    def compute(model, X):
        return (getattr(model, "predict_proba", None) or model.decision_function)(X)

    return compute

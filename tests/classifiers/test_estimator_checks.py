"""scikit-learn's own checks on every estimator class of ours."""

import warnings

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import classifiers
from classifiers.search import PathSearchCV


def estimators():
    # The classical models are scikit-learn's and XGBoost's own; the networks and the search are ours.
    networks = {type(model): model for model in map(classifiers.make_classifier, classifiers.names("cnn"))}
    yield from networks.values()
    yield PathSearchCV(LogisticRegression(solver="newton-cholesky"), {"C": [0.1, 1.0]}, cv=2)
    yield PathSearchCV(SVC(), {"C": [0.1, 1.0]}, cv=2)
    yield PathSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=2)


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(list(estimators()))
def test_scikit_learn_accepts_it(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)

"""scikit-learn's own checks on every public estimator."""

import warnings

import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import classifiers
from classifiers.search import PathSearchCV


def estimators():
    for name in classifiers.names():
        small = {"rf": {"n_estimators": 5}, "xgb": {"n_estimators": 5}}.get(name, {})
        yield classifiers.make_classifier(name, **small)
    # Their own labels and scores decide, as in scikit-learn's checks of GridSearchCV.
    yield PathSearchCV(LogisticRegression(solver="newton-cholesky"), {"C": [0.1, 1.0]}, cv=2)
    yield PathSearchCV(SVC(), {"C": [0.1, 1.0]}, cv=2)
    yield PathSearchCV(LinearDiscriminantAnalysis(solver="lsqr"), {"shrinkage": [0.1, 0.5]}, cv=2)


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(list(estimators()))
def test_scikit_learn_accepts_it(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)

"""scikit-learn's own checks on the search."""

import warnings

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import estimator_checks_generator

from classifiers.search import PathSearchCV

#: Checks that skip, each with the reason.
NOT_APPLICABLE = {
    "check_array_api_input": "runs only where SCIPY_ARRAY_API is set",
    ("KNeighborsClassifier", "check_classifiers_multilabel_output_format_decision_function"): "has none",
}


def checks():
    for search in (
        PathSearchCV(LogisticRegression(solver="newton-cholesky"), {"C": [0.1, 1.0]}, cv=2),
        PathSearchCV(SVC(), {"C": [0.1, 1.0]}, cv=2),
        PathSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=2),
    ):
        model = type(search.estimator).__name__
        for estimator, check in estimator_checks_generator(search):
            title = getattr(check, "func", check).__name__
            if title not in NOT_APPLICABLE and (model, title) not in NOT_APPLICABLE:
                yield pytest.param(estimator, check, id=f"{model}-{title}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learn_accepts_the_search(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)

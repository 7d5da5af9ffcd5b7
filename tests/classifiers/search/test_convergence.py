import warnings

import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from classifiers.search.convergence import has_converged


@pytest.mark.parametrize(
    ("model", "converged"),
    [
        (LogisticRegression(), True),
        (LogisticRegression(max_iter=2), False),
        (SVC(), True),
        (SVC(max_iter=3), False),
        (RandomForestClassifier(5), True),
    ],
)
def test_a_solver_that_stopped_at_its_limit_has_not_converged(model, converged):
    X, y = make_classification(200, flip_y=0.3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(StandardScaler(), model).fit(X, y)
    assert has_converged(model) is converged

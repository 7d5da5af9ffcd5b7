import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from bench.engine.finish import Fitted


def rows(scale):
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    return scale * (y[:, None] + rng.normal(size=(200, 3))), y


def scores_of(model, X):
    return Fitted("lr", model, {"valid": X[:80], "test": X[80:]}, 1.0, {}).scores()


def test_probabilities_are_the_scores():
    X, y = rows(1)
    scores = scores_of(LogisticRegression().fit(X, y), X)
    assert {kind for _, kind in scores.values()} == {"probability"}


def test_probabilities_that_all_round_to_one_give_way_to_decision_values():
    X, y = rows(1)
    model = LinearDiscriminantAnalysis().fit(X, y)
    model.coef_, model.intercept_ = model.coef_ * 1e4, model.intercept_ * 1e4
    assert len(np.unique(model.predict_proba(X)[:, 1])) < 100
    scores = scores_of(model, X)
    assert {kind for _, kind in scores.values()} == {"decision"}
    assert len(np.unique(scores["test"][0])) == 120

"""Detectors that learn from good images only: no defect label reaches them."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.svm import OneClassSVM

import classifiers
from classifiers.good_only import OVERKILL, GoodOnly, GoodScaler, LogOneClassSVM, quantile_of_good
from classifiers.neighbours import Neighbours

DETECTORS = [name for name in classifiers.names("classical")
             if classifiers.get_spec(name).supervision == "good only"]  # fmt: skip


@pytest.fixture(scope="module")
def gaussians():
    """Train rows of both classes, and test rows: defects lie 1.2 deviations away in each of 20 directions."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [300, 100])
    return [(rng.normal(size=(400, 20)) + 1.2 * y[:, None], y) for _ in range(2)]


def test_a_one_class_svm_orders_rows_far_from_all_good_ones():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 5))
    plain, logarithm = (each(nu=0.1, gamma=0.1).fit(X) for each in (OneClassSVM, LogOneClassSVM))
    new = rng.normal(0, 2, (3000, 5))
    np.testing.assert_allclose(logarithm.score_samples(new), np.log(plain.score_samples(new)), rtol=1e-6)
    far = np.outer([1e2, 1e3, 1e4], np.ones(5))
    assert len(set(plain.score_samples(far))) == 1
    assert (np.diff(logarithm.score_samples(far)) < 0).all() and np.isfinite(
        logarithm.score_samples(far)
    ).all()


def test_there_are_detectors():
    assert {"knn_distance", "mahalanobis", "one_class_svm"} <= set(DETECTORS)


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_finds_defects_without_a_defect_label(name, gaussians):
    (X, y), (new, truth) = gaussians
    good = X[y == 0]
    model = classifiers.make_classifier(name, random_state=0).fit(good, np.zeros(len(good), int))
    assert list(model.classes_) == [0, 1]
    score = model.decision_function(new)
    assert roc_auc_score(truth, score) > 0.95
    # The quantile of the good training rows is where decision values change their sign.
    assert (model.predict(new) == (score > 0)).all()
    assert (score[truth == 1] > 0).mean() > 0.5


@pytest.mark.parametrize("name", DETECTORS)
def test_no_detector_looks_at_defective_rows(name, gaussians):
    (X, y), (new, _) = gaussians
    rng = np.random.default_rng(1)
    other = X.copy()
    other[y == 1] = rng.normal(50, 99, (int((y == 1).sum()), X.shape[1]))
    first, second, without = (
        classifiers.make_classifier(name, random_state=0).fit(*data).decision_function(new)
        for data in ((X, y), (other, y), (X[y == 0], y[y == 0]))
    )
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, without, rtol=1e-9)


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_works_with_very_few_good_rows(name, gaussians):
    (X, y), (new, _) = gaussians
    for count in (2, 3, 7):
        model = classifiers.make_classifier(name, random_state=0).fit(X[y == 0][:count], np.zeros(count, int))
        assert np.isfinite(model.decision_function(new)).all()


@pytest.mark.parametrize(
    "y", [["good", "good", "bad"], [0, 0, 2], [1, 1, 0]], ids=["words", "another label", "one good row"]
)
def test_labels_that_say_nothing_of_good_rows_are_refused(y):
    with pytest.raises(ValueError, match=r"label 'bad'|label 2|1 good rows"):
        classifiers.make_classifier("mahalanobis").fit(np.eye(3), np.array(y))


def test_the_scaler_learns_from_good_rows():
    X = np.array([[1.0], [3.0], [99.0]])
    np.testing.assert_allclose(GoodScaler().fit_transform(X, [0, 0, 1]).ravel(), [-1, 1, 97])


def test_a_detector_of_neighbours_leaves_a_row_out_of_its_own_neighbours():
    from sklearn.neighbors import NearestNeighbors

    X = np.arange(40.0)[:, None] ** 2
    model = GoodOnly(NearestNeighbors(n_neighbors=1)).fit(X, np.zeros(40))
    distances = [np.sort(np.abs(np.delete(X, row, 0) - X[row]).ravel())[0] for row in range(40)]
    assert model.offset_ == quantile_of_good(np.array(distances), OVERKILL)


@pytest.mark.parametrize("overkill", [0.05, 0.2])
def test_the_quantile_keeps_its_promise_on_new_good_rows(overkill):
    rng = np.random.default_rng(0)
    rates = [
        (rng.normal(size=500) > quantile_of_good(rng.normal(size=59), overkill)).mean() for _ in range(400)
    ]
    assert np.mean(rates) == pytest.approx(overkill, abs=0.01)


def test_neighbours_take_what_rows_there_are():
    X, y = np.array([[0.0], [1.0], [9.0]]), np.array(["good", "good", "scratch"])
    model = Neighbours(n_neighbors=15).fit(X, y)
    assert list(model.predict([[0.1], [8.9]])) == ["good", "scratch"]
    np.testing.assert_allclose(model.predict_proba([[2.0], [5.0]]).sum(axis=1), 1)

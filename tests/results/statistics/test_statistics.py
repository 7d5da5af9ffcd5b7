import warnings

import numpy as np
import pandas as pd
import pytest
from predicted import predictions
from scipy.stats import norm
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, roc_auc_score

from results.leaderboard import leaderboard
from results.statistics import (
    auc_interval,
    average_precision_interval,
    best_group,
    compare_pairs,
    corrected_t_test,
    decision_intervals,
    delong_test,
    mcnemar_test,
    wilson_interval,
)
from results.statistics.delong import auc_covariance
from results.statistics.paired import holm
from results.statistics.resampled import weighted_average_precision


def made(seed, n=150, ties=True):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(int)
    y[:4] = [0, 1, 0, 1]
    common = rng.normal(size=n) + y
    a, b = common + rng.normal(size=n) * 0.5, common + rng.normal(size=n)
    return (y, a.round(0), b.round(0)) if ties else (y, a, b)


def by_definition(y, scores):
    """DeLong's covariance from all pairs of images, as the paper writes it."""
    kernels = []
    for s in scores:
        difference = s[y == 1][:, None] - s[y == 0][None, :]
        kernels.append((difference > 0) + 0.5 * (difference == 0))
    v10 = np.stack([k.mean(axis=1) for k in kernels])
    v01 = np.stack([k.mean(axis=0) for k in kernels])
    return v10.mean(axis=1), np.cov(v10) / v10.shape[1] + np.cov(v01) / v01.shape[1]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("ties", [False, True])
def test_delong_agrees_with_its_definition(seed, ties):
    y, a, b = made(seed, ties=ties)
    auc, covariance = auc_covariance(y, np.stack([a, b]))
    expected_auc, expected = by_definition(y, [a, b])
    np.testing.assert_allclose(auc, expected_auc, atol=1e-12)
    np.testing.assert_allclose(auc, [roc_auc_score(y, a), roc_auc_score(y, b)], atol=1e-12)
    np.testing.assert_allclose(covariance, expected, atol=1e-12)
    z, p = delong_test(y, a, b)
    error = np.sqrt(expected[0, 0] + expected[1, 1] - 2 * expected[0, 1])
    assert z == pytest.approx((auc[0] - auc[1]) / error, abs=1e-9)
    assert p == pytest.approx(2 * norm.sf(abs(z)), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_delong_agrees_with_pauc(seed):
    pauc = pytest.importorskip("pauc")
    y, a, b = made(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = (pauc.ROC(y, score, direction="<") for score in (a, b))
        interval = np.sort(np.asarray(pauc.ci_auc(first), float))
        compared = pauc.compare(first, second, method="delong")
    low, high = auc_interval(y, a)
    assert (interval.min(), interval.max()) == pytest.approx((low, high), abs=1e-6)
    p = compared.p_value if hasattr(compared, "p_value") else compared["p_value"]
    assert delong_test(y, a, b)[1] == pytest.approx(float(p), abs=1e-6)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    truth = norm.cdf(1.5 / np.sqrt(2))
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        y = np.repeat([0, 1], [120, 80])
        low, high = auc_interval(y, rng.normal(size=200) + 1.5 * y)
        covered += low <= truth <= high
    assert 0.93 <= covered / 2000 <= 0.97


def test_models_that_rank_alike_are_not_told_apart():
    y, a, _ = made(0)
    assert delong_test(y, a, 3 * a + 1) == (0.0, 1.0)
    perfect = y.astype(float)
    assert delong_test(y, perfect, perfect) == (0.0, 1.0)


def test_one_image_of_a_class_has_no_variance():
    with pytest.raises(ValueError, match="1 positive"):
        auc_interval(np.array([0, 0, 1]), np.array([0.1, 0.2, 0.3]))


def test_wilson_and_mcnemar_agree_with_tables():
    assert wilson_interval(0, 100) == pytest.approx((0, 0.0370), abs=1e-4)
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)
    first = np.array([True] * 10 + [False] * 2 + [True] * 20)
    second = np.array([False] * 10 + [True] * 2 + [True] * 20)
    # Twelve images where one errs, two against ten: 2 * P(Binomial(12, 1/2) <= 2).
    assert mcnemar_test(first, second) == pytest.approx(2 * 79 / 4096)


def test_average_precision_of_images_drawn_anew_is_that_of_scikit_learn():
    y, a, _ = made(3)
    order = np.argsort(-a, kind="stable")
    y, a = y[order], a[order]
    last = np.append(np.diff(a) != 0, True)
    counts = np.random.default_rng(0).integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), counts)
    weighted = weighted_average_precision(y, counts, last)
    assert weighted == pytest.approx(average_precision_score(y[rows], a[rows]))


@pytest.mark.deep
def test_intervals_of_decisions_are_those_of_images_drawn_one_by_one():
    y, a, _ = made(3)
    called = (a > 0).astype(int)
    tp, fp = int((y * called).sum()), int(((1 - y) * called).sum())
    confusion = (int((1 - y).sum()) - fp, fp, int(y.sum()) - tp, tp)
    rng, good, defects = np.random.default_rng(5), np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    drawn = [np.append(rng.choice(good, len(good)), rng.choice(defects, len(defects))) for _ in range(2000)]
    figures = {"f1": f1_score, "balanced_accuracy": balanced_accuracy_score}
    for name, interval in decision_intervals(confusion, draws=20000).items():
        one_by_one = np.quantile([figures[name](y[rows], called[rows]) for rows in drawn], [0.025, 0.975])
        np.testing.assert_allclose(interval, one_by_one, atol=0.02)


def test_the_bootstrap_repeats_by_its_seed_and_holds_the_figure():
    y, a, _ = made(3)
    low, high = average_precision_interval(y, a, seed=1)
    assert (low, high) == average_precision_interval(y, a, seed=1)
    assert low < average_precision_score(y, a) < high


def test_holm_corrects_and_pairs_are_all_compared():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    y, a, b = made(0)
    table = compare_pairs(y, {"a": a, "b": b, "c": -a}, {k: (s > 0).astype(int) for k, s in
                                                         (("a", a), ("b", b), ("c", -a))})  # fmt: skip
    assert len(table) == 3 and (table["delong_holm"] >= table["delong_p"]).all()
    assert (table["mcnemar_holm"] <= 1).all()


def test_the_best_group_holds_what_cannot_be_told_from_the_best():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    scores = {
        "good": rng.normal(size=400) + 2 * y,
        "alike": rng.normal(size=400) + 2 * y,
        "poor": rng.normal(size=400) + 0.3 * y,
    }
    assert best_group(y, scores) == ["good", "alike"]


def test_nadeau_and_bengio_by_hand():
    first, second = np.array([0.90, 0.92, 0.91, 0.93]), np.array([0.88, 0.91, 0.90, 0.90])
    d = first - second
    t = d.mean() / np.sqrt(d.var(ddof=1) * (1 / 4 + 0.25))
    from scipy.stats import t as student

    mean, p, (low, high) = corrected_t_test(first, second, test_share=0.25)
    assert mean == pytest.approx(d.mean())
    assert p == pytest.approx(2 * student.sf(t, 3))
    assert low < mean < high
    with pytest.raises(ValueError, match="1 repeats"):
        corrected_t_test(first[:1], second[:1], 0.25)


def test_the_leaderboard_tells_intervals_and_marks_the_best():
    frame = pd.concat([
        predictions("LDA", quality=3.0, n=120),
        predictions("SVM", quality=3.0, n=120, features="resnet50"),
        predictions("RF", quality=0.1, n=120),
    ])  # fmt: skip
    table = leaderboard(frame)
    assert (table["roc_auc_low"] < table["roc_auc"]).all()
    assert (table["roc_auc"] < table["roc_auc_high"]).all()
    for name in ("accuracy", "average_precision", "f1", "balanced_accuracy", "escape", "overkill"):
        assert (table[f"{name}_low"] <= table[name]).all() and (table[name] <= table[f"{name}_high"]).all()
    assert table.set_index("model")["best"].to_dict() == {"LDA": True, "SVM": True, "RF": False}
